package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

// What is new enough to learn again: a tenth of what there was, or so many
// decisions, whichever is less; but not next to nothing.
const (
	newShare = 10
	newMost  = 500
	newLeast = 20
)

// askEvery is how often the log is looked at between two lessons.
const askEvery = 30 * time.Second

func enoughNew(before, now int64) bool {
	return now-before >= max(newLeast, min(newMost, before/newShare))
}

// watch learns again whenever enough outcomes have come, at most once in Every.
// It ends when ctx does, which is no error, or with the session.
func (c *learnCommand) watch(ctx context.Context, db *pgx.Conn, out io.Writer) error {
	before, err := outcomesKnown(ctx, db)
	if err != nil {
		return err
	}
	last := time.Now()
	fmt.Fprintf(out, "\nwatching; %d decisions have an outcome\n", before)
	tick := time.NewTicker(max(time.Millisecond, min(askEvery, c.Every)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if time.Since(last) < c.Every {
			continue
		}
		now, err := outcomesKnown(ctx, db)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case !enoughNew(before, now):
			continue
		}
		fmt.Fprintf(out, "\n%s: %d decisions more have an outcome\n", time.Now().Format(time.TimeOnly), now-before)
		err = c.learn(ctx, db, out)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !nothingToLearn(err):
			return err
		}
		before, last = now, time.Now()
	}
}

// outcomesKnown is of how many decisions it was told how they went.
func outcomesKnown(ctx context.Context, db *pgx.Conn) (n int64, err error) {
	err = cancellable(ctx, db, func(ctx context.Context) error {
		return db.QueryRow(ctx, `SELECT count(DISTINCT decision_id) FROM tinydancer.feedback
			WHERE success IS NOT NULL OR quality IS NOT NULL`).Scan(&n)
	})
	return n, told(err)
}
