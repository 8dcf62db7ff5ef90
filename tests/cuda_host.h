// Runs CUDA kernels of one translation unit on the host. Every thread of a block is a fibre of its own; barriers, warp
// shuffles, atomics and __shared__ memory work as on the device, and what the device would not forgive is an error:
// barriers that not all threads reach, 16-byte accesses that are not aligned, shuffles of an incomplete warp. Blocks
// run in any order and, if asked for, several at once on threads of their own. The approximate instructions err here as
// much as NVIDIA documents at most (up or down, by the bits of the argument), and flush what .ftz flushes.
//
// Arrays may also be imagined: reads and writes of a registered address range are recorded and never made, so index
// arithmetic can be tested beyond what memory holds.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <ucontext.h>
#include <vector>

#define KASSEI_HOST 1
#define KASSEI_INLINE static inline
#define KASSEI_METHOD inline
#define __global__
#define __device__
#define __launch_bounds__(...)
#define __shared__ static thread_local

struct kassei_dim3 { unsigned int x = 1, y = 1, z = 1; };
static thread_local kassei_dim3 threadIdx, blockIdx;
static kassei_dim3 blockDim, gridDim;
struct uint4 { unsigned int x, y, z, w; };

namespace kassei_host {

// --- fibres -------------------------------------------------------------------------------------------------------
enum State { ready, at_barrier, at_shuffle, done };
struct Fibre {
    ucontext_t context;
    State state = ready;
    int line = 0;
    std::unique_ptr<char[]> stack{new char[64 * 1024]};  // not cleared: most of it is never touched
};
struct Block {
    std::vector<Fibre> fibres;
    ucontext_t scheduler;
    unsigned int current = 0;
    std::vector<double> shuffle;
    void (*run)(void*) = nullptr;
    void* body = nullptr;
};
static thread_local Block* block = nullptr;
static std::mutex error_lock;
static std::string error;

static inline void fail(const std::string& what) {
    std::lock_guard<std::mutex> hold(error_lock);
    if (error.empty()) error = what;
}

static void enter() {
    Block* b = block;
    b->run(b->body);
    b->fibres[b->current].state = done;
    swapcontext(&b->fibres[b->current].context, &b->scheduler);
}

static inline void wait(State state, int line) {
    Fibre& fibre = block->fibres[block->current];
    fibre.state = state;
    fibre.line = line;
    swapcontext(&fibre.context, &block->scheduler);
}

// Lets fibres run until all have ended. Those that wait go on when all threads of the block (or of the warp) wait at the
// same place; where nothing can go on, the kernel's barriers diverge.
static bool run_block(Block& b, unsigned int threads) {
    for (unsigned int t = 0; t < threads; ++t) {
        Fibre& fibre = b.fibres[t];
        fibre.state = ready;
        getcontext(&fibre.context);
        fibre.context.uc_stack.ss_sp = fibre.stack.get();
        fibre.context.uc_stack.ss_size = 64 * 1024;
        fibre.context.uc_link = nullptr;
        makecontext(&fibre.context, enter, 0);
    }
    for (;;) {
        bool moved = false;
        for (unsigned int t = 0; t < threads; ++t) {
            if (b.fibres[t].state != ready) continue;
            b.current = t;
            threadIdx.x = t;
            swapcontext(&b.scheduler, &b.fibres[t].context);
            moved = true;
        }
        unsigned int ended = 0;
        for (unsigned int t = 0; t < threads; ++t) ended += b.fibres[t].state == done;
        if (ended == threads) return true;
        for (unsigned int w = 0; w < threads; w += 32) {
            bool together = true;
            for (unsigned int t = w; t < w + 32; ++t)
                together &= b.fibres[t].state == at_shuffle && b.fibres[t].line == b.fibres[w].line;
            if (!together) continue;
            for (unsigned int t = w; t < w + 32; ++t) b.fibres[t].state = ready;
            moved = true;
        }
        bool all = true;
        for (unsigned int t = 0; t < threads; ++t)
            all &= b.fibres[t].state == at_barrier && b.fibres[t].line == b.fibres[0].line;
        if (all) {
            for (unsigned int t = 0; t < threads; ++t) b.fibres[t].state = ready;
            moved = true;
        }
        if (!moved) {
            fail("a barrier that not all threads of the block reach, or a shuffle of an incomplete warp");
            return false;
        }
    }
}

// --- imagined arrays ------------------------------------------------------------------------------------------------
struct Access { std::uint64_t at; std::uint32_t bytes; std::uint32_t kind; };
static std::uint64_t imagined_from = 0, imagined_to = 0;
static std::vector<Access> accesses;
static std::mutex access_lock;

static inline bool imagined(const void* p, std::uint32_t bytes, std::uint32_t kind) {
    const std::uint64_t at = (std::uint64_t)p;
    if (at < imagined_from || at >= imagined_to) return false;
    std::lock_guard<std::mutex> hold(access_lock);
    accesses.push_back({at, bytes, kind});
    return true;
}

// --- errors of approximations ---------------------------------------------------------------------------------------
static int perturbed = 1;
static inline std::uint32_t bits(float x) { std::uint32_t b; std::memcpy(&b, &x, 4); return b; }
static inline float flushed(float x) { return std::fabs(x) < 1.17549435e-38f ? std::copysign(0.0f, x) : x; }
// A float as far from the exact value as `ulps` units in the last place allow, above or below as a hash of the
// argument says; special values stay.
static inline float erring(double exact, float x, int ulps) {
    const float y = (float)exact;
    if (!perturbed || !std::isfinite(y) || y == 0.0f || std::fabs(y) < 1.2e-38f || std::fabs(y) > 3.4e38f) return y;
    std::uint32_t h = bits(x) * 2654435761u;
    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    const double unit = std::ldexp(1.0, std::ilogb(y) - 23), allowed = ulps * unit;
    const double aim = exact + ((h & 1u) ? allowed : -allowed);
    float far = (float)aim;
    if (std::fabs((double)far - exact) > allowed) far = std::nextafter(far, y);
    return far;
}

template <class Body>
static void call(void* body) { (*(Body*)body)(); }

}  // namespace kassei_host

// Launches a kernel; order 0 runs blocks as they are numbered, 1 backwards, others mixed; `workers` blocks at a time.
// `few` blocks at most are run, spread over the grid, where it is not 0. Returns 0, or 1 and leaves a message.
extern "C" { extern int kassei_order, kassei_workers; extern long long kassei_few; }
template <class Body>
static int kassei_launch(unsigned int gx, unsigned int gy, unsigned int threads, Body body) {
    using namespace kassei_host;
    gridDim.x = gx;
    gridDim.y = gy;
    blockDim.x = threads;
    error.clear();
    const std::uint64_t all = (std::uint64_t)gx * gy;
    std::vector<std::uint64_t> numbers;
    if (kassei_few && all > (std::uint64_t)kassei_few) {
        for (long long k = 0; k < kassei_few; ++k) numbers.push_back((all - 1) / (kassei_few - 1) * k);
        numbers.back() = all - 1;
    } else {
        for (std::uint64_t k = 0; k < all; ++k) numbers.push_back(k);
    }
    if (kassei_order == 1) std::reverse(numbers.begin(), numbers.end());
    if (kassei_order > 1) {
        std::uint64_t seed = kassei_order;
        for (std::size_t k = numbers.size(); k > 1; --k) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            std::swap(numbers[k - 1], numbers[(seed >> 33) % k]);
        }
    }
    std::atomic<std::size_t> next{0};
    auto work = [&] {
        static thread_local Block own;
        if (own.fibres.size() != threads) own.fibres = std::vector<Fibre>(threads);
        own.shuffle.resize(threads);
        own.run = call<Body>;
        own.body = &body;
        block = &own;
        for (std::size_t k; (k = next++) < numbers.size();) {
            blockIdx.x = (unsigned int)(numbers[k] % gx);
            blockIdx.y = (unsigned int)(numbers[k] / gx);
            if (!run_block(own, threads)) break;
        }
    };
    std::vector<std::thread> workers;
    for (int w = 1; w < kassei_workers; ++w) workers.emplace_back(work);
    work();
    for (auto& worker : workers) worker.join();
    return error.empty() ? 0 : 1;
}

static inline double kassei_shuffled(double x, int distance, int line) {
    using namespace kassei_host;
    const unsigned int mine = block->current, lane = mine % 32;
    block->shuffle[mine] = x;
    wait(at_shuffle, line);
    const double y = lane + distance < 32 ? block->shuffle[mine + distance] : x;
    wait(at_shuffle, -line);
    return y;
}

#define __syncthreads() kassei_host::wait(kassei_host::at_barrier, __LINE__)
#define __shfl_down_sync(mask, x, distance) kassei_shuffled(x, distance, __LINE__)
#define __threadfence() std::atomic_thread_fence(std::memory_order_seq_cst)
static inline unsigned int atomicInc(unsigned int* p, unsigned int limit) {
    unsigned int old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
    while (!__atomic_compare_exchange_n(p, &old, old >= limit ? 0u : old + 1u, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    return old;
}

static inline float __int_as_float(int bits) { float x; std::memcpy(&x, &bits, 4); return x; }
static inline int __float_as_int(float x) { int bits; std::memcpy(&bits, &x, 4); return bits; }
static inline double __longlong_as_double(long long bits) { double x; std::memcpy(&x, &bits, 8); return x; }
static inline long long __double_as_longlong(double x) { long long bits; std::memcpy(&bits, &x, 8); return bits; }

template <class Store>
static inline uint4 kassei_read(const Store* p, long long pack) {
    const char* at = (const char*)((std::uintptr_t)p + (std::uintptr_t)pack * 16);
    uint4 x = {};
    if (kassei_host::imagined(at, 16, 0)) return x;
    if ((std::uintptr_t)at % 16) kassei_host::fail("a read of 16 bytes that is not aligned");
    std::memcpy(&x, at, 16);
    return x;
}
template <class Store>
static inline void kassei_write(Store* p, long long pack, uint4 x) {
    char* at = (char*)((std::uintptr_t)p + (std::uintptr_t)pack * 16);
    if (kassei_host::imagined(at, 16, 1)) return;
    if ((std::uintptr_t)at % 16) kassei_host::fail("a write of 16 bytes that is not aligned");
    std::memcpy(at, &x, 16);
}
template <class Store>
static inline Store kassei_get(const Store* p, long long i) {
    const Store* at = (const Store*)((std::uintptr_t)p + (std::uintptr_t)i * sizeof(Store));
    return kassei_host::imagined(at, sizeof(Store), 0) ? (Store)0 : *at;
}
template <class Store>
static inline void kassei_put(Store* p, long long i, Store x) {
    Store* at = (Store*)((std::uintptr_t)p + (std::uintptr_t)i * sizeof(Store));
    if (!kassei_host::imagined(at, sizeof(Store), 1)) *at = x;
}
static inline double kassei_fresh(const double* p) {
    double x;
    __atomic_load((const long long*)p, (long long*)&x, __ATOMIC_SEQ_CST);
    return x;
}

// PTX ISA: rcp.approx and sqrt.approx err by 1 ulp at most, and .ftz flushes subnormal arguments and results; ex2.approx
// by 2**-22 relative over its range (expf, which is ex2 of a reduced argument, by 1 ulp in all); lg2.approx by 2**-22;
// div.full 2.
static inline float kassei_rcp(float x) {
    return kassei_host::flushed(kassei_host::erring(1.0 / (double)kassei_host::flushed(x), x, 1));
}
// rcp.approx.ftz.f64 gives the upper half of the result; its lower 32 bits are 0.
static inline double kassei_rcp64(double x) {
    long long b = __double_as_longlong(1.0 / (std::fabs(x) < 2.2250738585072014e-308 ? std::copysign(0.0, x) : x));
    return __longlong_as_double(b & ~0xffffffffll);
}
// rsqrt.approx.ftz.f64 too.
static inline double kassei_rsqrt64(double x) {
    long long b = __double_as_longlong(1.0 / std::sqrt(std::fabs(x) < 2.2250738585072014e-308 ? std::copysign(0.0, x) : x));
    return __longlong_as_double(b & ~0xffffffffll);
}
static inline float kassei_ex2(float x) { return kassei_host::erring(std::exp2((double)x), x, std::fabs(x) <= 1.0f ? 1 : 2); }
static inline float kassei_ex2_near(float x) { return kassei_host::flushed(kassei_ex2(kassei_host::flushed(x))); }
static inline float kassei_lg2(float x) { return kassei_host::erring(std::log2((double)x), x, 2); }
static inline float kassei_lg2_near(float x) { return kassei_host::flushed(kassei_lg2(kassei_host::flushed(x))); }
static inline float kassei_sqrt(float x) { return kassei_host::erring(std::sqrt((double)x), x, 1); }
static inline float kassei_sqrt_near(float x) { return kassei_host::flushed(kassei_sqrt(kassei_host::flushed(x))); }
static inline float kassei_ratio(float x, float y) { return kassei_host::erring((double)x / (double)y, x, 2); }
static inline float kassei_min(float x, float y) { return x != x ? x : y != y ? y : x < y ? x : y; }
static inline float kassei_max(float x, float y) { return x != x ? x : y != y ? y : x > y ? x : y; }

// CUDA's own functions err more than the host's: as much as its programming guide says at most.
#define KASSEI_LIBRARY(name, ulps) \
    static inline float kassei_library_##name(float x) { return kassei_host::erring(std::name((double)x), x, ulps); }
KASSEI_LIBRARY(exp, 1)
KASSEI_LIBRARY(log, 1)
KASSEI_LIBRARY(log1p, 1)
KASSEI_LIBRARY(sin, 2)
KASSEI_LIBRARY(cos, 2)
KASSEI_LIBRARY(tan, 4)
KASSEI_LIBRARY(atan, 2)
KASSEI_LIBRARY(asin, 2)
KASSEI_LIBRARY(acos, 2)
KASSEI_LIBRARY(sinh, 3)
KASSEI_LIBRARY(cosh, 2)
KASSEI_LIBRARY(asinh, 3)
KASSEI_LIBRARY(acosh, 4)
KASSEI_LIBRARY(atanh, 3)
KASSEI_LIBRARY(erf, 2)
static inline float kassei_library_atan2(float y, float x) { return kassei_host::erring(std::atan2((double)y, (double)x), x, 3); }
#define atan2f kassei_library_atan2
#define expf kassei_library_exp
#define logf kassei_library_log
#define log1pf kassei_library_log1p
#define sinf kassei_library_sin
#define cosf kassei_library_cos
#define tanf kassei_library_tan
#define atanf kassei_library_atan
#define asinf kassei_library_asin
#define acosf kassei_library_acos
#define sinhf kassei_library_sinh
#define coshf kassei_library_cosh
#define asinhf kassei_library_asinh
#define acoshf kassei_library_acosh
#define atanhf kassei_library_atanh
#define erff kassei_library_erf

extern "C" {
int kassei_order = 0, kassei_workers = 1;
long long kassei_few = 0;
const char* kassei_error() { return kassei_host::error.c_str(); }
void kassei_imagine(std::uint64_t from, std::uint64_t to) {
    kassei_host::imagined_from = from;
    kassei_host::imagined_to = to;
    kassei_host::accesses.clear();
}
std::size_t kassei_accesses() { return kassei_host::accesses.size(); }
void kassei_recorded(kassei_host::Access* into) {
    std::memcpy(into, kassei_host::accesses.data(), kassei_host::accesses.size() * sizeof(kassei_host::Access));
}
void kassei_perturb(int on) { kassei_host::perturbed = on; }
}
