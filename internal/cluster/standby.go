package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby makes a hot standby of c, which must run, and starts it. It streams
// from c until it is promoted or removed. The directory must not hold a cluster;
// if dir is empty it is a new temporary one. Settings are added to those of c.
func (c *Cluster) Standby(ctx context.Context, dir string, settings map[string]string) (*Cluster, error) {
	if !c.Running() {
		return nil, fmt.Errorf("cannot make a standby of %s: %w", c.place.asked, ErrStopped)
	}
	if dir != "" {
		if _, err := Attach(dir); err == nil {
			return nil, fmt.Errorf("cannot make a standby in %s: there is a cluster; remove it first", dir)
		} else if !errors.Is(err, ErrNoCluster) {
			return nil, err
		}
	}
	cfg := c.cfg
	cfg.Dir = dir
	cfg.Settings = make(map[string]string)
	maps.Copy(cfg.Settings, c.cfg.Settings)
	maps.Copy(cfg.Settings, settings)
	s, in, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s.primary = c
	err = s.make(ctx, in, func() error {
		s.logf("copying %s to %s", c.place.asked, s.place.asked)
		return run(c.Command(ctx, "pg_basebackup", "--pgdata="+s.place.data(),
			"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"))
	})
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Remove(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// CatchUp waits until the standby has replayed everything that its primary had
// committed when CatchUp was called. It works for a cluster that Standby
// returned.
func (s *Cluster) CatchUp(ctx context.Context) error {
	if s.primary == nil {
		return fmt.Errorf("the cluster in %s knows no primary: Standby did not return it", s.place.asked)
	}
	ctx, cancel := withPatience(ctx)
	defer cancel()
	target, err := s.primary.position(ctx)
	if err != nil {
		return fmt.Errorf("cannot ask the primary for its position: %w", err)
	}
	conn, err := pgx.Connect(ctx, s.ConnString("", ""))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		var done bool
		var at string
		err := conn.QueryRow(ctx, `select coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false),
			coalesce(pg_last_wal_replay_lsn()::text, 'nothing')`, target).Scan(&done, &at)
		if err != nil {
			return err
		}
		if done {
			return nil
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("the standby has replayed %s, want %s: %w; the end of its log:\n%s", at, target, err, s.LogTail(20))
		}
	}
}

// position returns a position in the log behind everything committed so far,
// and flushed, so that standbys get it without waiting for more.
func (c *Cluster) position(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, c.ConnString("", ""))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// The commit of a transaction that wrote something flushes the log up to
	// itself. Only "local": a standby named in synchronous_standby_names may
	// be down.
	if _, err := conn.Exec(ctx, `set synchronous_commit = local`); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, `select pg_logical_emit_message(true, 'tinydancer', '')`); err != nil {
		return "", err
	}
	var position string
	err = conn.QueryRow(ctx, `select pg_current_wal_flush_lsn()::text`).Scan(&position)
	return position, err
}

// Promote ends the standby's following: it becomes a primary of its own.
func (s *Cluster) Promote(ctx context.Context) error {
	ctx, cancel := withPatience(ctx)
	defer cancel()
	return run(s.Command(ctx, "pg_ctl", "promote", "--pgdata="+s.place.data(), "--wait", "--silent", "--timeout="+seconds(ctx)))
}
