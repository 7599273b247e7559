package fastgrnn

func checksum(examples []Example) uint32 { return 0 }
