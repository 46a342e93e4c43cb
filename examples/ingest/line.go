package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/troupe-go/troupe/actors/pipeline/jetstream"
)

// Line is a line of a log.
type Line struct {
	// Source names what it is from, and Number is its place there, from 1. By these two it is known wherever it comes.
	Source string `json:"source"`
	Number int64  `json:"number"`
	Text   []byte `json:"text"`
	// Replays is how often it came out of the dead letters.
	Replays int `json:"replays,omitempty"`
	// At is when it came into the stream.
	At time.Time `json:"at,omitzero"`
}

// String is for lists of dead letters that know no more of a line.
func (l Line) String() string { return fmt.Sprintf("%s:%d %s", l.Source, l.Number, l.Text) }

// Headers of a message. One without them is a line too: whoever publishes to the stream need not know of this program.
const (
	headerSource  = "Ingest-Source"
	headerNumber  = "Ingest-Number"
	headerReplays = "Ingest-Replays"
)

// publication is the line as a message. What is published again, because an acknowledgement was lost or the stream was
// full, is dropped by the stream.
func (l Line) publication(subject string) jetstream.Publication {
	number, replays := strconv.FormatInt(l.Number, 10), strconv.Itoa(l.Replays)

	return jetstream.Publication{
		Subject: subject, Data: l.Text, ID: l.Source + " " + number + " " + replays,
		Header: nats.Header{headerSource: {l.Source}, headerNumber: {number}, headerReplays: {replays}},
	}
}

// lineOf is the line of a message of a stream.
func lineOf(stream string, m *jetstream.Message) Line {
	l := Line{Source: m.Header.Get(headerSource), Text: m.Data, At: m.Time}
	number, err := strconv.ParseInt(m.Header.Get(headerNumber), 10, 64)

	if l.Number = number; l.Source == "" || err != nil {
		l.Source, l.Number = "stream:"+stream, int64(m.Sequence) //nolint:gosec // counted from 1
	}

	l.Replays, _ = strconv.Atoi(m.Header.Get(headerReplays)) // of a line that does not say, none

	return l
}
