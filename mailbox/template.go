package mailbox

import "sync"

// Template is what many mailboxes have in common that are made alike, so that each of them costs less memory. Read-only
// and safe for concurrent use. Most programs need [New] only.
type Template[M any] struct {
	common common[M]
	data   lane[M]
}

// common is what mailboxes made alike share. Immutable, but for that of a mailbox that is the only one; see Mailbox.
type common[M any] struct {
	options  settings
	spawn    func(run func()) // starts a turn; nil means as the options say
	segments *sync.Pool       // of *segment[M], shared by all mailboxes of the message type
}

// NewTemplate makes a template for mailboxes with the options. Nil options mean [Defaults]; options out of range are
// reported, all at once.
func NewTemplate[M any](options *Options) (*Template[M], error) {
	o := Defaults()

	if options != nil {
		if err := options.Validate(); err != nil {
			return nil, err
		}

		o = options.withDefaults()
	}

	t := &Template[M]{common: common[M]{options: o.settings(), segments: segmentsOf[M]()}}
	t.data.init(Data, o.Capacity, o.Overflow)
	t.data.batched = o.Overflow != DropOldest

	return t, nil
}

// Init makes the zero Mailbox b one of the receiver's, as [New] would, where it lies in a struct of the receiver's. The
// zero Template makes mailboxes without room. Of nil arguments it makes nothing.
func (t *Template[M]) Init(b *Mailbox[M], receiver Receiver[M]) {
	if b == nil || receiver == nil {
		return
	}

	b.status, b.data, b.receiver, b.common = suspended, t.data, receiver, &t.common
}
