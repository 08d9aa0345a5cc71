// The first two axes of a tensor in the other order: c columns of x [a, b, xStride] to as many of y
// [b, a, yStride], of any type. Constant: WIDTH, the bytes of an access: 1, 2, 4, 8 or 16. One thread an
// access, in which c and the strides count.
#include "tile.cuh"

constexpr int THREADS = 256;

template <int BYTES> struct Access;
template <> struct Access<1> { using Type = unsigned char; };
template <> struct Access<2> { using Type = unsigned short; };
template <> struct Access<4> { using Type = unsigned int; };
template <> struct Access<8> { using Type = uint2; };
template <> struct Access<16> { using Type = uint4; };

extern "C" __global__ void __launch_bounds__(THREADS) swapAxes(
    const Access<WIDTH>::Type* x, Access<WIDTH>::Type* y, int64 a, int64 b, int64 c, int64 xStride,
    int64 yStride, int64 count) {
  int64 index = static_cast<int64>(blockIdx.x) * THREADS + threadIdx.x;
  if (index < count) { // of y, so that writes are in order
    int64 inner = index % c;
    int64 row = index / c;
    int64 first = row / a;
    int64 second = row % a;
    y[row * yStride + inner] = x[(second * b + first) * xStride + inner];
  }
}
