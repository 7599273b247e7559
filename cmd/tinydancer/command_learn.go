package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

type learnCommand struct {
	Database  string        `help:"The database, as a URL or as keywords and values; without it the PG environment variables say." placeholder:"URL"`
	Decisions int           `help:"Learn from so many of the latest decisions at most." default:"20000"`
	Seed      int64         `help:"Of all random choices." default:"1"`
	Promote   bool          `help:"Let the model serve if it has shown that it is better." default:"true" negatable:""`
	Fit       bool          `name:"fit-embedder" help:"Fit an embedder to the texts of the decisions, and learn from what it makes of them."`
	Lean      bool          `help:"Learn a small and fast model: a trunk alone." name:"lean"`
	Watch     bool          `help:"Go on: learn again when there is enough that is new."`
	Every     time.Duration `help:"With --watch: learn at most once in this time." default:"10m"`
}

// Run has the server learn, and says what came of it. That nothing better was
// found is no error.
func (c *learnCommand) Run(ctx context.Context) error {
	db, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	err = c.learn(ctx, db, os.Stdout)
	if !c.Watch {
		return err
	}
	if err != nil && !nothingToLearn(err) {
		return err
	}
	return c.watch(ctx, db, os.Stdout)
}

// connect opens a session in which a cancelled context cancels the statement on
// the server, and does not only leave it.
func (c *learnCommand) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(c.Database)
	if err != nil {
		return nil, err
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "tinydancer learn"
	}
	return pgx.ConnectConfig(ctx, config)
}

// cancelWait is how long the server may take to give up what it is doing. It
// forgets a cancel that comes between two messages, so it is asked again.
const (
	cancelWait  = 10 * time.Second
	cancelAgain = 100 * time.Millisecond
)

// learn calls ruvector_learn, and shows that it runs while it runs.
func (c *learnCommand) learn(ctx context.Context, db *pgx.Conn, out io.Writer) error {
	began := time.Now()
	working := newSpinner(os.Stderr, "learning")
	var text []byte
	err := cancellable(ctx, db, func(ctx context.Context) error {
		return db.QueryRow(ctx, "SELECT ruvector_learn($1, $2, $3, $4, $5)", c.Decisions, c.Promote, c.Seed, c.Fit, c.Lean).Scan(&text)
	})
	working.end()
	if err != nil {
		return told(err)
	}
	var learned struct {
		Version int64   `json:"version"`
		State   string  `json:"state"`
		Verdict string  `json:"verdict"`
		Rows    int     `json:"decisions"`
		Worth   float64 `json:"effective_decisions"`

		Skipped     int    `json:"skipped"`
		Embedder    string `json:"embedder"`
		NotPromoted string `json:"not_promoted"`
		Hint        string `json:"hint"`
	}
	if err := json.Unmarshal(text, &learned); err != nil {
		return fmt.Errorf("answer of ruvector_learn: %w", err)
	}
	state := learned.State
	if state == "challenger" {
		state = "a challenger"
	}
	fmt.Fprintf(out, "model %d is %s: %s\n", learned.Version, state, learned.Verdict)
	if learned.NotPromoted != "" {
		fmt.Fprintf(out, "it does not serve: %s\n%s\n", learned.NotPromoted, learned.Hint)
	}
	fmt.Fprintf(out, "learned from %d decisions, worth %.0f of its own, in %.1f s", learned.Rows, learned.Worth, time.Since(began).Seconds())
	if learned.Skipped > 0 {
		fmt.Fprintf(out, "; %d without an embedding or a text that serves for it are left out", learned.Skipped)
	}
	fmt.Fprintf(out, "\nembeddings: %s\n\n", learned.Embedder)
	return scorecard(ctx, db, out)
}

// cancellable runs a statement. When ctx is done the server is asked to cancel
// it, and its answer is waited for: the session stays usable, and whoever
// leaves knows that nothing goes on.
func cancellable(ctx context.Context, db *pgx.Conn, run func(context.Context) error) error {
	inner, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	done, asked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(asked)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		wait, stop := context.WithTimeout(inner, cancelWait)
		defer stop()
		for wait.Err() == nil {
			_ = db.PgConn().CancelRequest(wait)
			select {
			case <-done:
				return
			case <-wait.Done():
				giveUp()
			case <-time.After(cancelAgain):
			}
		}
	}()
	err := run(inner)
	close(done)
	<-asked
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w; the model that served before goes on", context.Cause(ctx))
	}
	return err
}

// told is an error of the server with its hint.
func told(err error) error {
	var e *pgconn.PgError
	switch {
	case !errors.As(err, &e):
		return err
	case e.Code == "42883": // undefined function: the hint would be to cast
		return fmt.Errorf("%w\nIs it the right database? CREATE EXTENSION tinydancer, or ALTER EXTENSION tinydancer UPDATE, and have its schema in the search_path", err)
	case e.Hint != "":
		return fmt.Errorf("%w\n%s", err, e.Hint)
	}
	return err
}

// nothingToLearn says whether the log is empty: that may change.
func nothingToLearn(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "55000"
}

// scorecard prints what each policy would have brought.
func scorecard(ctx context.Context, db *pgx.Conn, out io.Writer) error {
	rows, err := db.Query(ctx, "SELECT policy, quality, quality_low, quality_high, cost_usd, latency_ms, decisions FROM ruvector_scorecard()")
	if err != nil {
		return told(err)
	}
	type card struct {
		Policy                           string
		Quality, Low, High, Cost, Millis *float64
		Decisions                        *int64
	}
	cards, err := pgx.CollectRows(rows, pgx.RowToStructByPos[card])
	if err != nil {
		return told(err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "policy\tquality\t95 % interval\tUSD / 1000\tlatency s\tdecisions")
	fmt.Fprintln(w, "──────\t───────\t─────────────\t──────────\t─────────\t─────────")
	for _, r := range cards {
		interval, decisions := "–", "–"
		if r.Low != nil && r.High != nil {
			interval = fmt.Sprintf("%.4f to %.4f", *r.Low, *r.High)
		}
		if r.Decisions != nil {
			decisions = fmt.Sprint(*r.Decisions)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Policy, figure("%.4f", known(r.Quality, 1)), interval,
			figure("%.3f", known(r.Cost, 1000)), figure("%.2f", known(r.Millis, 1e-3)), decisions)
	}
	return w.Flush()
}

func known(v *float64, factor float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return factor * *v
}
