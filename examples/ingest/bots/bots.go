// Package bots tells programs from people by what they call themselves.
package bots

import "strings"

// signs are parts of the names of programs, in lower case.
var signs = [...]string{"bot", "crawl", "spider", "slurp", "curl/", "wget/", "python-requests", "go-http-client"}

// Is reports whether an agent, as a client sends it, is a program. One without a name is taken for none.
func Is(agent string) bool {
	agent = strings.ToLower(agent)

	for _, s := range signs {
		if strings.Contains(agent, s) {
			return true
		}
	}

	return false
}
