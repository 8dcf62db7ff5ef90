// Runs CUDA kernels of one translation unit on the host: one thread of the machine per thread of a block, barriers
// included. Blocks run one after the other, so __shared__ memory may be static.
#include <cmath>
#include <cstring>
#include <pthread.h>
#include <thread>
#include <vector>

struct kassei_dim3 { unsigned int x = 1, y = 1, z = 1; };
static thread_local kassei_dim3 threadIdx, blockIdx;
static kassei_dim3 blockDim, gridDim;
static pthread_barrier_t kassei_barrier;

#define __global__
#define __device__
#define __shared__ static
#define __forceinline__ inline

static inline void __syncthreads() { pthread_barrier_wait(&kassei_barrier); }
static inline float __int_as_float(int bits) { float x; std::memcpy(&x, &bits, 4); return x; }
static inline int __float_as_int(float x) { int bits; std::memcpy(&bits, &x, 4); return bits; }
static inline double __longlong_as_double(long long bits) { double x; std::memcpy(&x, &bits, 8); return x; }

template <class Body>
static void kassei_launch(unsigned int gx, unsigned int gy, unsigned int threads, Body body) {
    gridDim.x = gx; gridDim.y = gy; blockDim.x = threads;
    pthread_barrier_init(&kassei_barrier, nullptr, threads);
    for (unsigned int by = 0; by < gy; ++by)
        for (unsigned int bx = 0; bx < gx; ++bx) {
            std::vector<std::thread> block;
            for (unsigned int t = 0; t < threads; ++t)
                block.emplace_back([=] { threadIdx.x = t; blockIdx.x = bx; blockIdx.y = by; body(); });
            for (auto& thread : block) thread.join();
        }
    pthread_barrier_destroy(&kassei_barrier);
}
