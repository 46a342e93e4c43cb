package bots_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/examples/ingest/bots"
)

func TestProgramsAreTold(t *testing.T) {
	for _, agent := range []string{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "curl/8.5.0", "Baiduspider",
		"Mozilla/5.0 (compatible; Yahoo! Slurp)", "Go-http-client/1.1",
	} {
		assert.True(t, bots.Is(agent), agent)
	}

	for _, agent := range []string{"", "-", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"} {
		assert.False(t, bots.Is(agent), agent)
	}
}
