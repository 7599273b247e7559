package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tinydancer/tinydancer/internal/cluster"
)

// Database is one database as one role sees it.
//
// Its methods work in one session, which lasts from call to call with all that
// is set in it, open transactions included, and is opened anew after the
// cluster was started again. It is not safe for concurrent use; [Database.Connect]
// gives other sessions.
type Database struct {
	Cluster *Cluster
	Name    string // needs no quotes in SQL
	User    string // needs no quotes in SQL, if Role made it

	owner  *owner
	conn   *pgx.Conn
	starts int64 // of the cluster, when conn was opened
}

// owner is what all handles of a database have in common.
type owner struct {
	tb    testing.TB // whose end closes sessions
	roles []string   // to be dropped after the database
}

// Database creates a database with the extension in it, which goes with the
// test. The handle is the superuser's.
func (c *Cluster) Database(tb testing.TB) *Database {
	tb.Helper()
	d := c.EmptyDatabase(tb)
	d.Exec(tb, "create extension "+Extension)
	return d
}

// EmptyDatabase creates a database without the extension, which goes with the
// test. The handle is the superuser's.
func (c *Cluster) EmptyDatabase(tb testing.TB) *Database {
	tb.Helper()
	d := c.Open(tb, c.nextName(tb))
	logged := c.Server.LogSize()
	if err := c.administer(tb.Context(), "create database "+d.Name+" template template0"); err != nil {
		tb.Fatalf("cannot create a database: %v", err)
	}
	tb.Cleanup(func() {
		if tb.Failed() && c == shared.cluster {
			tb.Logf("the server's log since the database was created:\n%s", c.Server.LogSince(logged))
		}
		if !c.Server.Running() {
			return // it goes with the cluster
		}
		drop := []string{"drop database if exists " + d.Name + " with (force)"}
		for _, role := range d.owner.roles {
			drop = append(drop, "drop role if exists "+role)
		}
		if err := c.administer(context.Background(), drop...); err != nil {
			tb.Errorf("cannot drop what the test made: %v", err)
		}
	})
	return d
}

// Open returns a handle to a database that exists, such as one that a standby
// has from its primary. The handle is the superuser's.
func (c *Cluster) Open(tb testing.TB, name string) *Database {
	return &Database{Cluster: c, Name: name, User: cluster.Superuser, owner: &owner{tb: tb}}
}

// administer runs statements that no transaction may hold, each by itself.
func (c *Cluster) administer(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.Server.ConnString("", ""))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// Role creates a role that can log in and has no rights, and returns the
// database as that role sees it. The role's name is User of the handle: roles
// are the whole cluster's, so name is only what it begins with. It goes with
// the database.
func (d *Database) Role(tb testing.TB, name string) *Database {
	tb.Helper()
	role := identifier(name + "_" + d.Name)
	if err := d.Cluster.administer(tb.Context(), "create role "+role+" login"); err != nil {
		tb.Fatalf("cannot create a role: %v", err)
	}
	d.owner.roles = append(d.owner.roles, role)
	return d.As(role)
}

// As returns the database as another role sees it, in a session of its own.
func (d *Database) As(role string) *Database {
	return &Database{Cluster: d.Cluster, Name: d.Name, User: role, owner: d.owner}
}

// Connect opens another session, set up as pgx does for applications. It
// closes with the test.
func (d *Database) Connect(tb testing.TB) *pgx.Conn {
	tb.Helper()
	return d.Cluster.connect(tb, d.Name, d.User)
}

// session returns the session of the handle.
func (d *Database) session(ctx context.Context) (*pgx.Conn, error) {
	if starts := d.Cluster.starts.Load(); d.conn == nil || d.conn.IsClosed() || starts != d.starts {
		config, err := pgx.ParseConfig(d.Cluster.Server.ConnString(d.Name, d.User))
		if err != nil {
			return nil, err
		}
		// Nothing kept from an earlier call may disturb one after a change of
		// the schema.
		config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return nil, err
		}
		d.owner.tb.Cleanup(func() { conn.Close(context.Background()) })
		d.conn, d.starts = conn, starts
	}
	return d.conn, nil
}

// Query makes a Database a [Querier].
func (d *Database) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := d.session(ctx)
	if err != nil {
		return nil, err
	}
	return conn.Query(ctx, sql, args...)
}

// Exec runs a statement, or several if there are no args.
func (d *Database) Exec(tb testing.TB, sql string, args ...any) pgconn.CommandTag {
	tb.Helper()
	tag, err := d.exec(tb.Context(), sql, args)
	if err != nil {
		tb.Fatal(describe(sql, err))
	}
	return tag
}

// Error runs a statement that the server is to refuse, and returns its error.
func (d *Database) Error(tb testing.TB, sql string, args ...any) *pgconn.PgError {
	tb.Helper()
	_, err := d.exec(tb.Context(), sql, args)
	if err == nil {
		tb.Fatalf("%s\n\tsucceeded, want an error", sql)
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		tb.Fatalf("%s\n\tgot %v, want an error of the server", sql, err)
	}
	return refused
}

func (d *Database) exec(ctx context.Context, sql string, args []any) (pgconn.CommandTag, error) {
	conn, err := d.session(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return conn.Exec(ctx, sql, args...)
}

// identifier makes a name that needs no quotes in SQL out of any text.
func identifier(text string) string {
	const longest = 63 // NAMEDATALEN - 1
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '_'
	}, text)
	return name[:min(len(name), longest)]
}
