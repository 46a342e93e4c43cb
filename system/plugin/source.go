package plugin

import "context"

// Source is where instances of a plugin come from: [InProcess] or [Process]. The zero Source is none.
type Source struct {
	// open makes an instance that has not started. It returns by the end of ctx if it does not call a plugin's code.
	open func(ctx context.Context, l *load) (Plugin, error)
	// manifest is what the plugin must say of itself; nil if that is not known before.
	manifest *Manifest
	// problem is what is wrong with it; nil if it is valid.
	problem error
}

// isZero reports whether it is no source.
func (s Source) isZero() bool { return s.open == nil && s.problem == nil }

// InProcess makes a source of a function that makes plugins: it is called for every instance, which lives in the
// host's process. What that contains and what it does not, docs/plugins.md says.
func InProcess(newPlugin func() Plugin) Source {
	if newPlugin == nil {
		return Source{problem: ErrNoPlugin}
	}

	return Source{open: func(context.Context, *load) (Plugin, error) {
		p := newPlugin()
		if p == nil {
			return nil, ErrNoPlugin
		}

		return p, nil
	}}
}

// isolated is implemented by a plugin in a process of its own.
type isolated interface {
	// gone is closed when the process has ended or is to be given up.
	gone() <-chan struct{}
	// fault says why, once gone is closed.
	fault() error
	// kill ends the process, at once, and waits until it has ended. It may be called again.
	kill()
}
