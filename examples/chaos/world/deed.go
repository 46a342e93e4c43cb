package world

import "math/rand/v2"

// Deed is what a message makes its receiver do. It is drawn by the sender.
type Deed uint8

// The deeds. Those from Fail on are trouble.
const (
	Pass       Deed = iota // nothing
	Slow                   // take a while
	TellDown               // send to somebody it depends on
	AskDown                // ask somebody it depends on
	ForwardAsk             // hand the duty to answer to somebody it depends on
	PipeBack               // bring the result of a goroutine back
	GoTell                 // send from a goroutine of its own
	SetTimer               // one tick
	SetTicker              // ticks until it is cancelled
	Cancel                 // end a timer
	SetIdle                // set the idle timeout, or end it
	Become                 // change the behaviour, and back
	PutAside               // into the stash
	BringBack              // out of it
	WatchOne               // watch a child of the group
	UnwatchOne             // and end that
	Circle                 // ask somebody it depends on, who asks back
	AskBack                // ask back; part of Circle and never drawn
	AskSelf                // wait for itself
	Mute                   // do not answer
	Fail                   // return an error
	Panic                  // panic
	Exit                   // runtime.Goexit
	Resume                 // an error that is resumed
	Escalate               // an error that fails the supervisor
	Poison                 // fail at every attempt
	GoFail                 // an error in a goroutine of its own
	StopSelf               // Context.Stop
	Hang                   // do not return in time
	GoHang                 // a goroutine that does not return in time after a failure
	StartFail              // these are drawn by an instance for itself
	StartPanic
	StartHang
	FlushFail
	CloseFail
	CloseHang
	deeds
)

var deedNames = [deeds]string{
	"pass", "slow", "tell", "ask", "forward", "pipe", "goroutine", "timer", "ticker", "cancel", "idle", "become", "stash",
	"unstash", "watch", "unwatch", "circle", "ask back", "ask itself", "mute", "error", "panic", "goexit", "resumed error",
	"escalated error", "poison", "failing goroutine", "stop itself", "hang", "hanging goroutine", "failed start",
	"panic in start", "hang in start", "failed flush", "failed close", "hang in close",
}

// String returns the deed's name.
func (d Deed) String() string { return deedNames[d] }

// Trouble reports whether the deed is one.
func (d Deed) Trouble() bool { return d >= Mute || d == Circle || d == AskSelf }

// parts of 10,000 messages do each deed; the others pass.
var parts = [deeds]int{ //nolint:gochecknoglobals // a table
	Slow: 300, TellDown: 2500, AskDown: 800, ForwardAsk: 300, PipeBack: 200, GoTell: 200, SetTimer: 200, SetTicker: 50,
	Cancel: 100, SetIdle: 30, Become: 200, PutAside: 300, BringBack: 100, WatchOne: 200, UnwatchOne: 50, Circle: 20,
	AskSelf: 5, Mute: 10, Fail: 60, Panic: 60, Exit: 20, Resume: 40, Escalate: 2, Poison: 20, GoFail: 20, StopSelf: 20,
	Hang: 2, GoHang: 1,
}

// draw returns the deed of a message.
func draw(rng *rand.Rand) Deed {
	n := rng.IntN(10_000)

	for d, p := range parts {
		if n -= p; n < 0 {
			return Deed(d)
		}
	}

	return Pass
}
