// Sums of eight int32, which end most kernels on codes.

// STOREFOUR stores those of Y0, Y1, Y2 and Y3 at DI.
#define STOREFOUR \
	VPHADDD      Y1, Y0, Y0 \
	VPHADDD      Y3, Y2, Y2 \
	VPHADDD      Y2, Y0, Y0 \
	VEXTRACTI128 $1, Y0, X1 \
	VPADDD       X1, X0, X0 \
	VMOVDQU      X0, (DI)

// STOREONE stores that of Y0 at DI.
#define STOREONE \
	VPHADDD      Y0, Y0, Y0 \
	VPHADDD      Y0, Y0, Y0 \
	VEXTRACTI128 $1, Y0, X1 \
	VPADDD       X1, X0, X0 \
	VMOVD        X0, (DI)
