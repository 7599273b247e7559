package cluster

import (
	"encoding/json"
	"fmt"
	"os"
)

// save writes cluster.json: from then on the cluster is complete.
func (c *Cluster) save() error {
	data, err := json.MarshalIndent(c.cfg, "", "\t")
	if err != nil {
		return err
	}
	partial := c.place.state() + ".partial"
	if err := os.WriteFile(partial, data, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, c.place.state())
}

// load reads cluster.json, which holds how the cluster was made. It returns
// fs.ErrNotExist if the cluster is not complete.
func (p place) load() (cfg Config, err error) {
	data, err := os.ReadFile(p.state())
	if err != nil {
		return cfg, err
	}
	if err := json.Unmarshal(data, &cfg); err != nil {
		return cfg, fmt.Errorf("%s: %w", p.state(), err)
	}
	return cfg, nil
}
