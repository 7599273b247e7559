package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStandbyReplays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	cfg := fastConfig(t)
	cfg.Settings = map[string]string{"work_mem": "5MB"}
	primary := newCluster(t, cfg)
	if _, err := primary.Standby(ctx, "", nil); !errors.Is(err, ErrStopped) {
		t.Errorf("standby of a stopped primary: got %v, want ErrStopped", err)
	}
	if err := primary.Start(ctx); err != nil {
		t.Fatal(err)
	}
	execute(t, primary, "create table kept as select 1 as i")

	standby, err := primary.Standby(ctx, "", map[string]string{"max_standby_streaming_delay": "1s"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := standby.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := primary.Standby(ctx, standby.Dir(), nil); err == nil || !strings.Contains(err.Error(), "remove it first") {
		t.Errorf("standby on top of a standby: %v", err)
	}
	if got := ask(t, standby, "select pg_is_in_recovery()::text"); got != "true" {
		t.Fatalf("in recovery: %s", got)
	}
	if got := ask(t, standby, "show work_mem") + " " + ask(t, standby, "show max_standby_streaming_delay"); got != "5MB 1s" {
		t.Errorf("settings of the standby: %s", got)
	}

	count := func() string { return ask(t, standby, "select count(*)::text from kept") }
	// The commit may be anywhere on its way when CatchUp is called, even
	// unflushed on the primary.
	for i := range 20 {
		commit := "on"
		if i%2 == 1 {
			commit = "off"
		}
		execute(t, primary, "set synchronous_commit = "+commit+"; insert into kept select 1")
		if err := standby.CatchUp(ctx); err != nil {
			t.Fatal(err)
		}
		if got, want := count(), ask(t, primary, "select count(*)::text from kept"); got != want {
			t.Fatalf("standby has %s rows, want %s", got, want)
		}
	}

	// CatchUp waits as long as it takes, and no longer than it may.
	execute(t, standby, "select pg_wal_replay_pause()")
	execute(t, primary, "insert into kept select 1")
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if err := standby.CatchUp(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("CatchUp while replay is paused: got %v, want context.DeadlineExceeded", err)
	}
	execute(t, standby, "select pg_wal_replay_resume()")

	// It finds what it missed.
	if err := standby.Stop(ctx, Fast); err != nil {
		t.Fatal(err)
	}
	execute(t, primary, "insert into kept select generate_series(1, 978)")
	for _, err := range []error{primary.Restart(ctx), standby.Start(ctx), standby.CatchUp(ctx)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := count(); got != "1000" {
		t.Errorf("standby has %s rows, want 1000", got)
	}
	if _, err := standby.Psql(ctx, "postgres", "insert into kept values (0)"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("writing on the standby: got %v, want read-only", err)
	}

	// It can take over, and outlives its primary.
	if err := standby.Promote(ctx); err != nil {
		t.Fatal(err)
	}
	if err := primary.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	execute(t, standby, "insert into kept values (0)")
	if got := count(); got != "1001" {
		t.Errorf("the promoted standby has %s rows, want 1001", got)
	}
	if err := primary.CatchUp(ctx); err == nil {
		t.Error("CatchUp on a cluster that follows nobody")
	}
}
