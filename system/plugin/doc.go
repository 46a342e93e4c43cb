// Package plugin runs extensions that other people have written, in the host's process or in one of their own, so that
// none of them can take the host down.
package plugin
