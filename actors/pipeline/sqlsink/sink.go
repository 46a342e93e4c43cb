package sqlsink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Options say what is written. Either Statement with Args, or Write, is to be given.
type Options[T any] struct {
	// Setup are statements that are executed when the sink is opened, each by itself, before Statement is prepared. They
	// are executed again after a restart, so they say IF NOT EXISTS and the like.
	Setup []string
	// Statement is executed for each item, with what Args returns for it. It is prepared when the sink is opened, so that
	// what is wrong with it is found at the start. Its placeholders are those of the database.
	Statement string
	// Args returns the arguments of Statement. An error of an item is an error of the Write, a [*ItemError].
	Args func(item T) ([]any, error)
	// Write does what one statement for each item cannot do: several statements, or one for all the items. It must
	// neither commit nor roll back the transaction, nor keep it or the items.
	Write func(ctx context.Context, tx *sql.Tx, items []T) error
	// Tx are the options of the transactions. nil means the defaults of the driver.
	Tx *sql.TxOptions
}

func (o Options[T]) validate() error {
	var errs []error

	if (o.Statement == "") == (o.Write == nil) {
		errs = append(errs, errors.New("sqlsink.Options: give Statement or Write, and not both"))
	}

	if (o.Statement == "") != (o.Args == nil) {
		errs = append(errs, errors.New("sqlsink.Options: Statement and Args go together"))
	}

	if o.Tx != nil && o.Tx.ReadOnly {
		errs = append(errs, errors.New("sqlsink.Options.Tx: the transactions must not be read only"))
	}

	return errors.Join(errs...)
}

// ItemError says which item of a Write could not be written.
type ItemError struct {
	// Index is its place among the items of the Write, and Of is how many those were.
	Index, Of int
	// Err is the cause.
	Err error
}

// Error names the item by its place.
func (e *ItemError) Error() string { return fmt.Sprintf("item %d of %d: %v", e.Index, e.Of, e.Err) }

// Unwrap returns the cause.
func (e *ItemError) Unwrap() error { return e.Err }

// Sink writes items to a database. It implements pipeline.Sink.
type Sink[T any] struct {
	db        *sql.DB
	options   Options[T]
	statement *sql.Stmt // nil if closed, or there is none
	open      bool
}

// New makes a sink. The database stays the caller's, to be closed after the pipeline has stopped. SQLite has one writer
// at a time: if others write to the same file, give it a busy timeout, or db.SetMaxOpenConns(1). Whatever the timeout,
// it refuses one of two that change the journal mode at once: do that before the pipeline, and try again.
//
// Nothing is looked at before Open.
func New[T any](db *sql.DB, options Options[T]) *Sink[T] { return &Sink[T]{db: db, options: options} }

// Open executes the setup and prepares the statement. It waits for the database.
func (s *Sink[T]) Open(ctx context.Context) error {
	err := s.options.validate()
	if s.db == nil {
		err = errors.Join(err, errors.New("sqlsink.New: the database is nil"))
	}

	if err != nil {
		return err
	}

	for i, statement := range s.options.Setup {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("sqlsink: setup statement %d: %w", i, err)
		}
	}

	if s.options.Statement == "" {
		err = s.db.PingContext(ctx)
	} else {
		s.statement, err = s.db.PrepareContext(ctx, s.options.Statement)
	}

	if err != nil {
		return fmt.Errorf("sqlsink: %w", err)
	}

	s.open = true

	return nil
}

// errClosed occurs when a sink is written to that is not open.
var errClosed = errors.New("sqlsink: the sink is not open")

// Write writes the items in one transaction, which has committed when it returns nil. It waits for the database. After
// an error nothing is written, unless it is the commit that failed, of which that cannot be known.
func (s *Sink[T]) Write(ctx context.Context, items []T) error {
	switch {
	case !s.open:
		return errClosed
	case len(items) == 0:
		return nil
	}

	tx, err := s.db.BeginTx(ctx, s.options.Tx)
	if err != nil {
		return fmt.Errorf("sqlsink: %w", err)
	}

	done := false

	defer func() {
		if !done { // also when Args or Write panics: the connection must go back
			_ = tx.Rollback()
		}
	}()

	if err := s.write(ctx, tx, items); err != nil {
		return fmt.Errorf("sqlsink: %w", because(ctx, err))
	}

	err = tx.Commit()
	done = true

	if err != nil {
		return fmt.Errorf("sqlsink: commit: %w", because(ctx, err))
	}

	return nil
}

// because adds to an error that comes of the end of the context that it does: when a context ends package sql takes the
// transaction and its statements away, and whoever comes to use them next hears of that alone.
func because(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}

	return err
}

func (s *Sink[T]) write(ctx context.Context, tx *sql.Tx, items []T) (err error) {
	if s.options.Write != nil {
		return s.options.Write(ctx, tx, items)
	}

	statement := tx.StmtContext(ctx, s.statement)
	defer func() { err = errors.Join(err, statement.Close()) }()

	for i, item := range items {
		args, err := s.options.Args(item)
		if err == nil {
			_, err = statement.ExecContext(ctx, args...)
		}

		if err != nil {
			return &ItemError{Index: i, Of: len(items), Err: err}
		}
	}

	return nil
}

// Close closes the statement. What was written is safe already.
func (s *Sink[T]) Close(context.Context) error {
	statement := s.statement
	s.statement, s.open = nil, false

	if statement == nil {
		return nil
	}

	if err := statement.Close(); err != nil {
		return fmt.Errorf("sqlsink: %w", err)
	}

	return nil
}
