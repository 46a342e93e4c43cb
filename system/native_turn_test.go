package system_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// tick is a message that is no sign of life.
type tick struct{}

func (tick) NotInfluenceReceiveTimeout() {}

func TestWhatProtoactorTellsANativeActorComesInItsTurn(t *testing.T) {
	t.Run("a watch outlives a restart", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{Backoff: supervision.Backoff{Initial: time.Hour}}, nil)
			other := s.Protoactor().Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))

			s.send(act(func(ctx actor.Context) { ctx.Watch(other) }), act(crash))
			s.Protoactor().Root.Stop(other)
			<-time.After(time.Hour)
			s.end(t)
			assert.Equal(t, []string{
				"a Started", "a Restarting", "a Started", "a Terminated", "a Stopping", "a Stopped",
			}, s.diary.read())
		})
	})

	t.Run("also while it works off its queue", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{}, nil)
			other := s.Protoactor().Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))

			s.send(act(func(ctx actor.Context) { ctx.Watch(other) }))
			s.Protoactor().Root.Send(s.pid, act(func(actor.Context) {
				<-time.After(time.Second) // the drain has begun
				s.Protoactor().Root.Stop(other)
				<-time.After(time.Second)
			}))
			s.Protoactor().Root.Send(s.pid, "one")
			s.end(t)
			assert.Equal(t, []string{"a Started", "a Terminated", "a one", "a Stopping", "a Stopped"}, s.diary.read())
		})
	})

	t.Run("a future continues the incarnation that asked, with its message", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{}, nil)

			var futures []*actor.Future

			reenter := act(func(ctx actor.Context) {
				f := actor.NewFuture(ctx.ActorSystem(), time.Hour)
				futures = append(futures, f)
				ctx.ReenterAfter(f, func(v any, _ error) { ctx.Respond(v) })
			})
			answer := s.Protoactor().Root.RequestFuture(s.pid, reenter, time.Hour)
			synctest.Wait()
			s.send(reenter)
			s.Protoactor().Root.Send(futures[0].PID(), "value")

			v, err := answer.Result()
			require.NoError(t, err)
			assert.Equal(t, "value", v)

			s.send(act(crash))
			s.Protoactor().Root.Send(futures[1].PID(), "too late")
			synctest.Wait()
			assert.Len(t, s.DeadLetters().Letters(), 1, "the crash; nobody answers for the old incarnation")
			s.end(t)
		})
	})

	t.Run("a panic of a continuation is a failure", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{}, nil)

			var f *actor.Future

			s.send(act(func(ctx actor.Context) {
				f = actor.NewFuture(ctx.ActorSystem(), time.Hour)
				ctx.ReenterAfter(f, func(any, error) { panic(errBroken) })
			}))
			s.Protoactor().Root.Send(f.PID(), "value")
			synctest.Wait()

			r := s.end(t)
			assert.Equal(t, 1, r.Actors[0].Restarts)
			assert.Zero(t, r.Total.Failed)
		})
	})

	t.Run("a receive timeout comes on time, once", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{}, nil)

			s.send(act(func(ctx actor.Context) { ctx.SetReceiveTimeout(time.Second) }))
			<-time.After(time.Second - 1)
			s.send("early")
			<-time.After(time.Second - 1)
			synctest.Wait()
			assert.Equal(t, 0, count(s.diary.read(), "a ReceiveTimeout"))
			<-time.After(1)
			synctest.Wait()
			assert.Equal(t, 1, count(s.diary.read(), "a ReceiveTimeout"))
			s.send("late")
			<-time.After(time.Minute)
			assert.Equal(t, 1, count(s.diary.read(), "a ReceiveTimeout"))

			s.send(act(func(ctx actor.Context) { ctx.SetReceiveTimeout(time.Second) }), act(crash))
			<-time.After(time.Minute)
			assert.Equal(t, 1, count(s.diary.read(), "a ReceiveTimeout"), "not for the next incarnation")
			s.end(t)
		})
	})

	t.Run("a receive timeout that is set again goes on, and is cancelled", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			set := time.Second
			s := playNative(t, supervision.Spec{}, func(ctx actor.Context) {
				if _, ok := ctx.Message().(tick); ok {
					ctx.SetReceiveTimeout(set)
				}
			})
			timeouts := func() int {
				<-time.After(time.Second - 1)
				synctest.Wait()

				return count(s.diary.read(), "a ReceiveTimeout")
			}

			s.send(tick{})
			<-time.After(time.Second / 2)
			s.send(tick{})
			assert.Equal(t, 1, timeouts())

			s.send(tick{}, act(func(ctx actor.Context) { ctx.CancelReceiveTimeout() }))
			timeouts()
			assert.Equal(t, 1, timeouts(), "it was cancelled")

			set = time.Millisecond - 1
			s.send(tick{}, act(func(ctx actor.Context) { assert.Zero(t, ctx.ReceiveTimeout()) }))
			assert.Equal(t, 1, timeouts(), "less than a millisecond is never")
			s.end(t)
		})
	})

	t.Run("what was stashed keeps its sender and its headers", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var got []string

			sender := actor.NewPID("nowhere", "sender")
			s := playNative(t, supervision.Spec{}, func(ctx actor.Context) {
				if ctx.Message() != "stashed" {
					return
				}

				if len(got) == 0 {
					ctx.Stash()
				}

				got = append(got, ctx.Sender().GetId()+" "+ctx.MessageHeader().Get("key"))
			})

			m := actor.WrapEnvelope("stashed")
			m.Sender = sender
			m.SetHeader("key", "value")
			s.send(m, act(crash))
			assert.Equal(t, []string{"sender value", "sender value"}, got)
			s.end(t)
		})
	})

	t.Run("what was stashed comes again when it restarts, and is never lost", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			s := playNative(t, supervision.Spec{Mailbox: &mailbox.Options{Capacity: 2}}, func(ctx actor.Context) {
				if ctx.Message() == "stashed" {
					ctx.Stash()
				}
			})

			s.send("stashed")
			s.send("stashed")
			s.send("stashed")

			letters := s.DeadLetters().Letters()
			require.Len(t, letters, 1)
			assert.Equal(t, mailbox.Full, letters[0].Reason)

			s.send(act(crash))
			assert.Equal(t, 5, count(s.diary.read(), "a stashed"))

			r := s.end(t)
			assert.Equal(t, uint64(2), r.DeadLetters[mailbox.Stopping])
		})
	})
}
