package learn

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// openBandit reads a log of Open Bandit (Saito et al., NeurIPS 2021) and asks
// what showing every item equally often would have brought. Nothing is expected
// of any item but the mean of them all.
func openBandit(t *testing.T, name string, items int) (log []Logged) {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "fixtures", name)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("skipping %s: ../shared/fixtures/%s is not beside the project", t.Name(), name)
	}
	must(t, err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	must(t, err)
	records, err := csv.NewReader(unzipped).ReadAll()
	must(t, err)
	uniform, expected, clicks := make([]float64, items), make([]float64, items), 0.0
	for _, record := range records[1:] {
		var v [4]float64 // item_id, position, click, propensity
		for i := range v {
			v[i], err = strconv.ParseFloat(record[i], 64)
			must(t, err)
		}
		log = append(log, Logged{Propensity: v[3], Policy: uniform, Expected: expected, Action: int(v[0]), Reward: v[2]})
		clicks += v[2]
	}
	for a := range items {
		uniform[a], expected[a] = 1/float64(items), clicks/float64(len(log))
	}
	return log
}

// Two campaigns were logged by Thompson sampling and, at the same time, by
// uniform choice, which tells the truth: 46 clicks in 10,000 for both. Of one
// the log says enough about uniform choice, and the interval must hold the
// truth; of the other it does not, and whoever is sure there is wrong.
func TestOpenBandit(t *testing.T) {
	const truth = 0.0046
	for _, c := range []struct {
		campaign string
		items    int
		enough   bool
	}{{"men", 34, true}, {"women", 46, false}} {
		e, err := Evaluate(openBandit(t, "bts."+c.campaign+".slim.csv.gz", c.items), EvaluateOptions{})
		must(t, err)
		t.Logf("%s: DR %.4f ± %.4f, IPS %.4f, SNIPS %.4f, %.0f effective rows, mean weight %.3f ± %.3f",
			c.campaign, e.DR, e.StandardError, e.IPS, e.SNIPS, e.EffectiveRows, e.MeanWeight, e.WeightError)
		if e.Supported() != c.enough {
			t.Errorf("%s: there is enough evidence: %v, want %v", c.campaign, e.Supported(), c.enough)
		}
		if c.enough && math.Abs(e.DR-truth) > 1.96*e.StandardError {
			t.Errorf("%s: %v ± %v does not hold %v", c.campaign, e.DR, 1.96*e.StandardError, truth)
		}
		same, err := Evaluate(openBandit(t, "random."+c.campaign+".slim.csv.gz", c.items), EvaluateOptions{})
		must(t, err)
		if !same.Supported() || math.Abs(same.DR-truth) > 1e-9 || math.Abs(same.EffectiveRows-10000) > 1e-6 {
			t.Errorf("%s: of its own log the policy has %v, %v effective rows", c.campaign, same.DR, same.EffectiveRows)
		}
		// Propensities that are half of the truth must not be believed.
		wrong := openBandit(t, "random."+c.campaign+".slim.csv.gz", c.items)
		for i := range wrong {
			wrong[i].Propensity /= 2
		}
		if e, err := Evaluate(wrong, EvaluateOptions{}); err != nil || e.Supported() {
			t.Errorf("%s: halved propensities are believed (%v)", c.campaign, err)
		}
	}
}
