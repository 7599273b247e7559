package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Querier is what can be asked: a [*Database], a [*pgx.Conn], a [pgx.Tx].
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// One returns the one value that a query yields. It ends the test if there are
// more or fewer rows, or columns. A value that may be null needs a pointer for
// T.
func One[T any](tb testing.TB, q Querier, sql string, args ...any) T {
	tb.Helper()
	rows, err := q.Query(tb.Context(), sql, args...)
	if err != nil {
		tb.Fatal(describe(sql, err))
	}
	value, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		tb.Fatal(describe(sql, err))
	}
	return value
}

// All returns the values of a query's one column. It ends the test if there
// are more columns.
func All[T any](tb testing.TB, q Querier, sql string, args ...any) []T {
	tb.Helper()
	rows, err := q.Query(tb.Context(), sql, args...)
	if err != nil {
		tb.Fatal(describe(sql, err))
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		tb.Fatal(describe(sql, err))
	}
	return values
}

// describe writes what the server says about a failed statement, with all that
// (*pgconn.PgError).Error leaves out.
func describe(sql string, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\t%v", sql, err)
	var said *pgconn.PgError
	if errors.As(err, &said) {
		for _, part := range []struct{ name, text string }{
			{"detail", said.Detail}, {"hint", said.Hint}, {"context", said.Where},
		} {
			if part.text != "" {
				fmt.Fprintf(&b, "\n\t%s: %s", part.name, part.text)
			}
		}
	}
	return b.String()
}
