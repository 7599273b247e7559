package embed

import (
	"github.com/tinydancer/tinydancer/internal/binfile"
)

// The binary form of a Fitted, drawn in docs/format/embedder.md.
const (
	fittedName    = "TDEMBED\x00"
	fittedVersion = 1
)

// MarshalBinary returns the binary form of f: a byte a term and latent
// dimension, and a little more. It never fails.
func (f *Fitted) MarshalBinary() ([]byte, error) {
	w := binfile.NewWriter(fittedName, fittedVersion)
	w.Uint32(f.latent)
	w.Uint32(surfaceSize)
	w.Float64(f.weight)
	w.Float64s(f.mean[:])
	w.Float64s(f.invSD[:])
	buckets, idf, scales := make([]int32, len(f.rows)), make([]float32, len(f.rows)), make([]float32, len(f.rows))
	for i, r := range f.rows {
		buckets[i], idf[i], scales[i] = int32(r.bucket), r.idf, r.scale
	}
	w.Int32s(buckets)
	w.Float32s(idf)
	w.Float32s(scales)
	w.Int8s(f.matrix)
	return w.Finish(), nil
}

// UnmarshalBinary replaces f, which must not be in use. It does not keep data.
// An error leaves f as it was.
func (f *Fitted) UnmarshalBinary(data []byte) error {
	r, err := binfile.NewReader(data, fittedName, fittedVersion)
	if err != nil {
		return err
	}
	return f.unmarshal(r, data)
}

// InPlace returns the embedder of a file of which the projection stays where it is:
// data must not change, nor be unmapped, as long as the embedder is in use. Several
// processes that map one file have it in memory once. The error is that of
// [Fitted.UnmarshalBinary].
func InPlace(data []byte) (*Fitted, error) {
	r, err := binfile.NewReader(data, fittedName, fittedVersion)
	if err != nil {
		return nil, err
	}
	r.KeepData()
	f := new(Fitted)
	if err := f.unmarshal(r, data); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Fitted) unmarshal(r *binfile.Reader, data []byte) error {
	read := new(Fitted)
	read.latent = r.Uint32("the number of latent dimensions", maxLatent)
	if n := r.Uint32("the number of surface features", maxTerm); n != surfaceSize {
		r.Refuse("it has %d surface features, this version has %d", n, surfaceSize)
	}
	read.weight = r.Float64("the surface's weight")
	if read.latent < 8 || read.latent%8 != 0 || !(read.weight > 0 && read.weight <= maxSurfaceWeight) {
		r.Refuse("%d latent dimensions and a surface weight of %g cannot be", read.latent, read.weight)
	}
	copy(read.mean[:], r.Float64s("the surface's means", surfaceSize))
	copy(read.invSD[:], r.Float64s("the surface's scales", surfaceSize))
	buckets := r.Int32s("the terms", -1, termTable)
	if len(buckets) > maxTerm {
		r.Refuse("it has %d terms, want at most %d", len(buckets), maxTerm)
	}
	idf := r.Float32s("the terms' weights", len(buckets), false)
	scales := r.Float32s("the rows' scales", len(buckets), false)
	read.matrix = r.Int8s("the projection", len(buckets)*read.latent)
	if err := r.Close(); err != nil {
		return err
	}
	read.rows = make([]bucketRow, len(buckets))
	for i, b := range buckets {
		if i > 0 && b <= buckets[i-1] {
			r.Refuse("term %d is not above the one before", i)
			return r.Err()
		}
		if !(idf[i] > 0 && idf[i] < 100) || !(scales[i] >= 0 && scales[i] < 1e6) {
			r.Refuse("term %d has a weight of %g and a scale of %g", i, idf[i], scales[i])
			return r.Err()
		}
		read.rows[i] = bucketRow{uint32(b), idf[i], scales[i]}
	}
	for i, v := range read.invSD {
		if !(v >= 0 && v < 1e6) || read.mean[i] < -1e9 || read.mean[i] > 1e9 {
			r.Refuse("surface feature %d has the mean %g and the scale %g", i, read.mean[i], v)
			return r.Err()
		}
	}
	f.set(read)
	name := fingerprint(data) // what MarshalBinary returns
	f.name = func() string { return name }
	return nil
}
