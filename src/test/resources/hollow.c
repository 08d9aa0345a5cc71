// The driver, cuBLASLt and cuDNN of a machine with three GPUs that do nothing: every call succeeds, memory
// is addresses alone. GPU 0 takes every product and convolution; GPU 1 has no product with GELU; GPU 2 has
// none with a bias either where its operands are FP8, and no engine of cuDNN.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t handle;

enum { CUBLAS_NOT_SUPPORTED = 15, CUDNN_NOT_SUPPORTED = 3000 };

static int gpu; // whose context is in use

static int made(handle* out) {
  *out = (handle)calloc(1, sizeof(int));
  return 0;
}

static int freed(handle descriptor) {
  free((void*)descriptor);
  return 0;
}

// ---- the driver

int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int* version) { *version = 13000; return 0; }
int cuDeviceGet(int* device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char* name, int length, int device) { strcpy(name, "hollow"); return 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = (size_t)1 << 44; return 0; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute == 16 ? 132 : attribute == 75 ? 9 : 0;
  return 0;
}
int cuDevicePrimaryCtxRetain(handle* out, int device) { *out = device; return 0; }
int cuCtxSetCurrent(handle context) { gpu = context; return 0; }
int cuMemGetInfo_v2(size_t* free, size_t* total) { *free = *total = (size_t)1 << 44; return 0; }
int cuMemAlloc_v2(handle* out, size_t bytes) {
  static handle next = 1ull << 32;
  const handle granule = 2 << 20;
  *out = __atomic_fetch_add(&next, (bytes + granule - 1) / granule * granule, __ATOMIC_SEQ_CST);
  return 0;
}
int cuMemFree_v2(handle address) { return 0; }
int cuMemHostAlloc(void** out, size_t bytes, unsigned flags) { *out = calloc(bytes, 1); return 0; }
int cuMemFreeHost(void* memory) { free(memory); return 0; }
int cuMemcpyHtoDAsync_v2(handle to, void* from, size_t bytes, handle stream) { return 0; }
int cuMemcpyDtoHAsync_v2(void* to, handle from, size_t bytes, handle stream) {
  if (bytes == sizeof(float)) *(float*)to = 1; // delayed scaling's first magnitude
  return 0;
}
int cuMemcpyDtoDAsync_v2(handle to, handle from, size_t bytes, handle stream) { return 0; }
int cuMemsetD8Async(handle to, char value, size_t bytes, handle stream) { return 0; }
int cuModuleLoadData(handle* out, void* image) { *out = 1; return 0; }
int cuModuleUnload(handle module) { return 0; }
int cuModuleGetFunction(handle* out, handle module, char* name) { *out = 1; return 0; }
int cuFuncSetAttribute(handle function, int attribute, int value) { return 0; }
int cuLaunchKernel(
    handle function, int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int shared,
    handle stream, void* arguments, void* extra) {
  return 0;
}
int cuTensorMapEncodeTiled(
    void* map, int type, int rank, handle tensor, void* sizes, void* strides, void* box, void* steps,
    int interleave, int swizzle, int promotion, int fill) {
  return 0;
}
int cuStreamCreate(handle* out, int flags) { *out = 1; return 0; }
int cuStreamDestroy_v2(handle stream) { return 0; }
int cuStreamSynchronize(handle stream) { return 0; }
int cuStreamWaitEvent(handle stream, handle event, int flags) { return 0; }
int cuEventCreate(handle* out, int flags) { *out = 1; return 0; }
int cuEventDestroy_v2(handle event) { return 0; }
int cuEventRecord(handle event, handle stream) { return 0; }
int cuEventSynchronize(handle event) { return 0; }

// ---- cuBLASLt: an operation is its epilogue, a layout its type

size_t cublasLtGetVersion(void) { return 130100; }
const char* cublasLtGetStatusString(int code) { return "not supported"; }
int cublasLtCreate(handle* out) { *out = 1; return 0; }
int cublasLtDestroy(handle library) { return 0; }
int cublasLtMatmulDescCreate(handle* out, int compute, int scale) { return made(out); }
int cublasLtMatmulDescDestroy(handle operation) { return freed(operation); }
int cublasLtMatmulDescSetAttribute(handle operation, int attribute, void* value, size_t bytes) {
  if (attribute == 7) *(int*)operation = *(int*)value;
  return 0;
}
int cublasLtMatrixLayoutCreate(handle* out, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  made(out);
  *(int*)*out = type;
  return 0;
}
int cublasLtMatrixLayoutDestroy(handle layout) { return freed(layout); }
int cublasLtMatrixLayoutSetAttribute(handle layout, int attribute, void* value, size_t bytes) { return 0; }
int cublasLtMatmulPreferenceCreate(handle* out) { return made(out); }
int cublasLtMatmulPreferenceDestroy(handle preference) { return freed(preference); }
int cublasLtMatmulPreferenceSetAttribute(handle preference, int attribute, void* value, size_t bytes) {
  return 0;
}
int cublasLtMatmulAlgoGetHeuristic(
    handle library, handle operation, handle a, handle b, handle c, handle d, handle preference, int most,
    void* results, int* count) {
  int epilogue = *(int*)operation;
  int isFloat8 = *(int*)a == 28;
  int isRefused = (epilogue & 32 && gpu >= 1) || (epilogue & 4 && isFloat8 && gpu >= 2);
  *count = !isRefused;
  return isRefused ? CUBLAS_NOT_SUPPORTED : 0;
}
int cublasLtMatmulAlgoCheck(
    handle library, handle operation, handle a, handle b, handle c, handle d, void* algorithm, void* result) {
  return CUBLAS_NOT_SUPPORTED;
}
int cublasLtMatmul(
    handle library, handle operation, void* alpha, handle a, handle layoutA, handle b, handle layoutB,
    void* beta, handle c, handle layoutC, handle d, handle layoutD, void* algorithm, handle workspace,
    size_t bytes, handle stream) {
  return 0;
}

// ---- cuDNN: every graph has one engine, which needs no workspace, or none

size_t cudnnGetVersion(void) { return 91400; }
size_t cudnnGetCudartVersion(void) { return 13000; }
const char* cudnnGetErrorString(int code) { return "not supported"; }
void cudnnGetLastErrorString(char* text, size_t most) { *text = 0; }
int cudnnCreate(handle* out) { *out = 1; return 0; }
int cudnnDestroy(handle library) { return 0; }
int cudnnSetStream(handle library, handle stream) { return 0; }
int cudnnBackendCreateDescriptor(int type, handle* out) { *out = 1; return 0; }
int cudnnBackendDestroyDescriptor(handle descriptor) { return 0; }
int cudnnBackendFinalize(handle descriptor) { return gpu >= 2 ? CUDNN_NOT_SUPPORTED : 0; }
int cudnnBackendSetAttribute(handle descriptor, int attribute, int type, int64_t count, void* values) {
  return 0;
}
int cudnnBackendGetAttribute(
    handle descriptor, int attribute, int type, int64_t most, int64_t* count, void* values) {
  *count = attribute == 202; // the configurations of engines
  return 0;
}
int cudnnBackendExecute(handle library, handle plan, handle pack) { return 0; }
