package learn

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// golden is testdata/golden/10_decision_layer.json: vectors computed
// independently of this package.
type golden struct {
	Ridge struct {
		Lam       float64
		PriorMean []float64 `json:"prior_mean"`
		NoiseVar  float64   `json:"noise_var"`
		Rows      []struct {
			X    []float64
			Y, W float64
		}
		Runs []struct {
			Gamma float64
			Steps []struct {
				Theta []float64
				P     [][]float64
			}
			Query       []float64
			Mean, Width float64
			UCB         float64 `json:"ucb_alpha_1_5"`
			SD          float64 `json:"ts_sd"`
		}
	}
	SquareCB struct {
		Reward []float64
		Floor  float64
		Out    []struct {
			Gamma  float64
			P      []float64
			PFloor []float64 `json:"p_floor"`
		}
	}
	OPE struct {
		Rows []struct {
			Mu, Pi, Q []float64
			A         int
			R         float64
		}
		W              []float64
		Estimates      map[string]float64
		Clip, Tau, Lam float64
		ESS            float64
		MeanW          float64 `json:"mean_w"`
		StdErr         float64 `json:"dr_stderr"`
		Bernstein      float64 `json:"empirical_bernstein_halfwidth"`
		Delta          float64
	}
	Calibration struct {
		Scores, Labels, Isotonic []float64
		Platt                    struct {
			A, B float64
			P    []float64
		}
		ECE       float64 `json:"ece_10_bins"`
		Brier     float64
		Conformal struct {
			Scores          []float64
			Alpha, Quantile float64
		}
		Adaptive struct {
			Alpha, Step float64
			Errors      []int
			AlphaT      []float64 `json:"alpha_t"`
		} `json:"adaptive_conformal"`
	}
	Drift struct {
		X           []float64
		PageHinkley struct {
			Delta, Threshold float64
			Alarm            int
		} `json:"page_hinkley"`
		CUSUM struct {
			Target, Slack, Threshold float64
			Alarm                    int
		}
		Adwin struct {
			Delta   float64
			MinSide int `json:"min_side"`
			Alarm   int
		} `json:"adwin_exact"`
	}
	Pacing struct {
		Rho, Eta   float64
		Costs, Lam []float64
	}
	Federated struct {
		Lam     float64
		Tenants [][]struct {
			X []float64
			Y float64
		}
		Summed []float64 `json:"theta_from_summed_statistics"`
		Pooled []float64 `json:"theta_pooled"`
		FedAvg []float64 `json:"theta_fedavg"`
	}
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	data, err := os.ReadFile("testdata/golden/10_decision_layer.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*(1+math.Abs(want))) {
		t.Errorf("%s: %v, want %v, off by %.2g", what, got, want, got-want)
	}
}

func allNear(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		near(t, what, got[i], want[i], tolerance)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestGoldenRidge(t *testing.T) {
	g := readGolden(t).Ridge
	for _, run := range g.Runs {
		r, err := NewRidge(g.PriorMean, g.Lam, run.Gamma)
		must(t, err)
		for i, step := range run.Steps {
			must(t, r.Update(g.Rows[i].X, g.Rows[i].Y, g.Rows[i].W))
			allNear(t, "θ", r.Theta, step.Theta, 1e-13)
			for j, row := range step.P {
				allNear(t, "P", r.P[j*3:j*3+3], row, 1e-13)
			}
		}
		near(t, "mean", r.Mean(run.Query), run.Mean, 1e-13)
		near(t, "width", r.Width(run.Query), run.Width, 1e-13)
		near(t, "bonus", r.Mean(run.Query)+1.5*r.Width(run.Query), run.UCB, 1e-13)
		near(t, "deviation", math.Sqrt(g.NoiseVar)*r.Width(run.Query), run.SD, 1e-13)
	}
}

func TestGoldenSquareCB(t *testing.T) {
	g := readGolden(t).SquareCB
	for _, out := range g.Out {
		p := make([]float64, len(g.Reward))
		must(t, SquareCB(p, g.Reward, out.Gamma, 0))
		allNear(t, "p", p, out.P, 1e-14)
		must(t, SquareCB(p, g.Reward, out.Gamma, g.Floor))
		allNear(t, "p with a floor", p, out.PFloor, 1e-14)
	}
}

func TestGoldenEvaluate(t *testing.T) {
	g := readGolden(t).OPE
	var log []Logged
	for _, r := range g.Rows {
		log = append(log, Logged{r.Mu[r.A], r.Pi, r.Q, r.A, r.R})
	}
	e, err := Evaluate(log, EvaluateOptions{g.Clip, g.Tau, g.Lam})
	must(t, err)
	for name, got := range map[string]float64{
		"ips": e.IPS, "clipped_ips": e.ClippedIPS, "snips": e.SNIPS, "dm": e.DM,
		"dr": e.DR, "sndr": e.SNDR, "switch_dr": e.SwitchDR, "dros": e.DRos,
	} {
		near(t, name, got, g.Estimates[name], 1e-14)
	}
	near(t, "effective rows", e.EffectiveRows, g.ESS, 1e-14)
	near(t, "mean weight", e.MeanWeight, g.MeanW, 1e-14)
	near(t, "standard error", e.StandardError, g.StdErr, 1e-14)
	spread := 0.0
	for _, a := range e.DRs {
		for _, b := range e.DRs {
			spread = max(spread, a-b)
		}
	}
	near(t, "Bernstein", EmpiricalBernstein(e.DRs, spread, g.Delta), g.Bernstein, 1e-14)

	// Without options, the estimates that have one are those that have none.
	e, err = Evaluate(log, EvaluateOptions{})
	must(t, err)
	near(t, "no clip", e.ClippedIPS, e.IPS, 0)
	near(t, "no τ", e.SwitchDR, e.DR, 1e-15)
	near(t, "no λ", e.DRos, e.DR, 1e-15)
}

func TestGoldenCalibration(t *testing.T) {
	g := readGolden(t).Calibration
	platt, err := FitPlatt(g.Scores, g.Labels)
	must(t, err)
	near(t, "A", platt.A, g.Platt.A, 1e-9)
	near(t, "B", platt.B, g.Platt.B, 1e-9)
	isotonic, err := FitIsotonic(g.Scores, g.Labels)
	must(t, err)
	for i, s := range g.Scores {
		near(t, "Platt", platt.At(s), g.Platt.P[i], 1e-9)
		near(t, "isotonic", isotonic.At(s), g.Isotonic[i], 1e-15)
	}
	ece, err := CalibrationError(g.Platt.P, g.Labels, 10)
	must(t, err)
	near(t, "calibration error", ece, g.ECE, 1e-14)
	brier, err := Brier(g.Platt.P, g.Labels)
	must(t, err)
	near(t, "Brier", brier, g.Brier, 1e-14)
	quantile, err := Conformal(g.Conformal.Scores, g.Conformal.Alpha)
	must(t, err)
	near(t, "conformal", quantile, g.Conformal.Quantile, 0)
	a := AdaptiveAlpha{g.Adaptive.Alpha, g.Adaptive.Alpha, g.Adaptive.Step}
	for i, missed := range g.Adaptive.Errors {
		a.Tell(missed == 1)
		near(t, "adaptive α", a.Alpha, g.Adaptive.AlphaT[i], 1e-15)
	}
}

func TestGoldenDrift(t *testing.T) {
	g := readGolden(t).Drift
	ph, cusum, adwin := g.PageHinkley, g.CUSUM, g.Adwin
	for name, c := range map[string]struct {
		detector interface{ Tell(float64) bool }
		alarm    int
	}{
		"Page-Hinkley": {&PageHinkley{Delta: ph.Delta, Threshold: ph.Threshold}, ph.Alarm},
		"CUSUM":        {&CUSUM{Target: cusum.Target, Slack: cusum.Slack, Threshold: cusum.Threshold}, cusum.Alarm},
		"ADWIN":        {&Adwin{Delta: adwin.Delta, MinSide: adwin.MinSide}, adwin.Alarm},
	} {
		for i, x := range g.X {
			if c.detector.Tell(x) {
				if i != c.alarm {
					t.Errorf("%s: alarm at %d, want %d", name, i, c.alarm)
				}
				break
			} else if i >= c.alarm {
				t.Errorf("%s: no alarm at %d", name, c.alarm)
				break
			}
		}
	}
}

func TestGoldenPacing(t *testing.T) {
	g := readGolden(t).Pacing
	p := Pacer{Budget: g.Rho, Step: g.Eta}
	for i, want := range g.Lam {
		p.Tell(g.Costs[i])
		near(t, "price", p.Price, want, 1e-15)
	}
}

func TestGoldenFederated(t *testing.T) {
	g := readGolden(t).Federated
	all, pooled, average := NewSums(3), NewSums(3), make([]float64, 3)
	for _, tenant := range g.Tenants {
		s := NewSums(3)
		for _, row := range tenant {
			must(t, s.Tell(row.X, row.Y, 1))
			must(t, pooled.Tell(row.X, row.Y, 1))
		}
		must(t, all.Add(s))
		theta, err := s.Solve(g.Lam)
		must(t, err)
		for i, v := range theta {
			average[i] += v * float64(len(tenant)) / 10
		}
	}
	theta, err := all.Solve(g.Lam)
	must(t, err)
	allNear(t, "summed", theta, g.Summed, 1e-14)
	theta, err = pooled.Solve(g.Lam)
	must(t, err)
	allNear(t, "pooled", theta, g.Pooled, 1e-14)
	// What sums are for: averages are something else.
	allNear(t, "averages", average, g.FedAvg, 1e-14)
	if math.Abs(average[0]-theta[0]) < 0.1 {
		t.Error("averages of θ are as good as sums here")
	}
}
