// The driver, cuBLASLt, cuDNN and NVRTC of a machine with three GPUs that do nothing: every call succeeds, memory
// is addresses alone. GPU 0 takes every product and convolution; GPU 1 has no product with GELU; GPU 2 has
// none with a bias either where its operands are FP8, and no engine of cuDNN. hollowRecord writes down the
// calls from then on that ask a GPU for something, with all their arguments; hollowBreak has the driver
// fail from then on as it does after a kernel's fault.
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t handle;

enum { CUBLAS_NOT_SUPPORTED = 15, CUDNN_NOT_SUPPORTED = 3000 };

static _Thread_local int gpu; // whose context is in use
static FILE* record;
static int broken; // what every call of the driver returns

void hollowRecord(char* path) {
  if (record) fclose(record);
  record = path ? fopen(path, "w") : NULL;
}

void hollowBreak(int code) { broken = code; }

static void text(const char* format, ...) {
  if (!record) return;
  va_list values;
  va_start(values, format);
  vfprintf(record, format, values);
  va_end(values);
}

static void bytes(const void* values, size_t count) {
  text(" ");
  for (size_t i = 0; i < count; i++) text("%02x", ((const unsigned char*)values)[i]);
}

// Writes a line down and returns the driver's answer.
#define CALLED(...) (text(__VA_ARGS__), text("\n"), broken)

static int made(handle* out) {
  *out = (handle)calloc(1, sizeof(int));
  return 0;
}

static int freed(handle descriptor) {
  free((void*)descriptor);
  return 0;
}

// ---- the driver

int cuGetErrorName(int code, const char** name) { *name = "CUDA_ERROR"; return 0; }
int cuGetErrorString(int code, const char** string) { *string = "as asked for"; return 0; }
int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int* version) { *version = 13000; return 0; }
int cuDeviceGetCount(int* count) { *count = 3; return 0; }
int cuDeviceGet(int* device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char* name, int length, int device) { strcpy(name, "hollow"); return 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = (size_t)1 << 44; return 0; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute == 16 ? 132 : attribute == 75 ? 9 : 0;
  return 0;
}
int cuDevicePrimaryCtxRetain(handle* out, int device) { *out = device; return broken; }
int cuCtxSetCurrent(handle context) { gpu = context; return broken; }
int cuMemGetInfo_v2(size_t* free, size_t* total) { *free = *total = (size_t)1 << 44; return broken; }
int cuMemAlloc_v2(handle* out, size_t bytes) {
  static handle next = 1ull << 32;
  const handle granule = 2 << 20;
  *out = __atomic_fetch_add(&next, (bytes + granule - 1) / granule * granule, __ATOMIC_SEQ_CST);
  *out += (handle)gpu << 48;
  return CALLED("allocate %zu", bytes);
}
int cuMemFree_v2(handle address) { return CALLED("free %lx", address); }
int cuMemHostAlloc(void** out, size_t bytes, unsigned flags) {
  *out = calloc(bytes, 1);
  return CALLED("allocate host %zu", bytes);
}
int cuMemFreeHost(void* memory) {
  free(memory);
  return CALLED("free host");
}
int cuMemcpyHtoDAsync_v2(handle to, void* from, size_t bytes, handle stream) {
  return CALLED("copy in %lx %p %zu %lx", to, from, bytes, stream);
}
int cuMemcpyDtoHAsync_v2(void* to, handle from, size_t bytes, handle stream) {
  if (bytes == sizeof(float)) *(float*)to = 1; // delayed scaling's first magnitude
  return CALLED("copy out %lx %zu %lx", from, bytes, stream);
}
int cuMemcpyDtoDAsync_v2(handle to, handle from, size_t bytes, handle stream) {
  return CALLED("copy on %lx %lx %zu %lx", to, from, bytes, stream);
}
int cuPointerGetAttribute(handle* context, int attribute, handle address) { *context = address >> 48; return broken; }
int cuCtxEnablePeerAccess(handle context, unsigned flags) { return CALLED("reach %lx", context); }
int cuMemcpyPeerAsync(
    handle to, handle toContext, handle from, handle fromContext, size_t bytes, handle stream) {
  return CALLED("copy from peer %lx %lx %zu %lx", to, from, bytes, stream);
}
int cuMemsetD8Async(handle to, char value, size_t bytes, handle stream) {
  return CALLED("fill on GPU %d %lx %d %zu %lx", gpu, to, value, bytes, stream);
}
int cuModuleLoadData(handle* out, void* image) { *out = 1; return CALLED("load module"); }
int cuModuleUnload(handle module) { return CALLED("unload module"); }
int cuModuleGetFunction(handle* out, handle module, char* name) {
  *out = (handle)strdup(name);
  return CALLED("find %s", name);
}
int cuFuncSetAttribute(handle function, int attribute, int value) {
  return CALLED("set %d %d of %s", attribute, value, (char*)function);
}
// The arguments lie in one range in their order; where the next begins, with what is between, is their size.
int cuLaunchKernel(
    handle function, int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int shared,
    handle stream, void** arguments, void* extra) {
  text("launch %s %d %d %d %d %d %d %d %lx", (char*)function, gridX, gridY, gridZ, blockX, blockY, blockZ,
      shared, stream);
  for (int i = 0; i < 64 && arguments[i]; i++) {
    int isLast = i == 63 || !arguments[i + 1];
    bytes(arguments[i], isLast ? 8 : (char*)arguments[i + 1] - (char*)arguments[i]);
  }
  return CALLED("");
}
int cuTensorMapEncodeTiled(
    void* map, int type, int rank, handle tensor, void* sizes, void* strides, void* box, void* steps,
    int interleave, int swizzle, int promotion, int fill) {
  *(handle*)map = tensor;
  return 0;
}
int cuStreamCreate(handle* out, int flags) { *out = 1; return CALLED("create stream"); }
int cuStreamDestroy_v2(handle stream) { return CALLED("destroy stream"); }
int cuStreamSynchronize(handle stream) { return CALLED("synchronize"); }
int cuStreamWaitEvent(handle stream, handle event, int flags) { return CALLED("wait for event"); }
int cuEventCreate(handle* out, int flags) { *out = 1; return CALLED("create event"); }
int cuEventDestroy_v2(handle event) { return CALLED("destroy event"); }
int cuEventRecord(handle event, handle stream) { return CALLED("record event"); }
int cuEventSynchronize(handle event) { return CALLED("synchronize with event"); }
int cuStreamBeginCapture_v2(handle stream, int mode) { return CALLED("begin record %lx", stream); }
int cuStreamEndCapture(handle stream, handle* graph) { *graph = 7; return CALLED("end record %lx", stream); }
int cuGraphInstantiateWithFlags(handle* out, handle graph, uint64_t flags) {
  static handle next = 1;
  *out = next++;
  return CALLED("make record %lx of %lx", *out, graph);
}
int cuGraphLaunch(handle executable, handle stream) { return CALLED("play %lx %lx", executable, stream); }
int cuGraphDestroy(handle graph) { return CALLED("destroy graph %lx", graph); }
int cuGraphExecDestroy(handle executable) { return CALLED("destroy record %lx", executable); }

// ---- cuBLASLt: an operation is its epilogue, a layout its type

size_t cublasLtGetVersion(void) { return 130100; }
const char* cublasLtGetStatusString(int code) { return "not supported"; }
int cublasLtCreate(handle* out) { *out = 1; return 0; }
int cublasLtDestroy(handle library) { return CALLED("destroy cuBLASLt"), 0; }
int cublasLtMatmulDescCreate(handle* out, int compute, int scale) { return made(out); }
int cublasLtMatmulDescDestroy(handle operation) { return freed(operation); }
int cublasLtMatmulDescSetAttribute(handle operation, int attribute, void* value, size_t size) {
  if (attribute == 7) *(int*)operation = *(int*)value;
  text("set %d of product %lx", attribute, operation);
  bytes(value, size);
  text("\n");
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
    size_t room, handle stream) {
  text("multiply %lx %lx %lx %lx %lx %lx %zu %lx", operation, a, b, c, d, workspace, room, stream);
  bytes(alpha, sizeof(float));
  bytes(beta, sizeof(float));
  text("\n");
  return 0;
}

// ---- cuDNN: every graph has one engine, which needs no workspace, or none

size_t cudnnGetVersion(void) { return 91400; }
size_t cudnnGetCudartVersion(void) { return 13000; }
const char* cudnnGetErrorString(int code) { return "not supported"; }
void cudnnGetLastErrorString(char* text, size_t most) { *text = 0; }
int cudnnCreate(handle* out) { *out = 1; return 0; }
int cudnnDestroy(handle library) { return CALLED("destroy cuDNN"), 0; }
int cudnnSetStream(handle library, handle stream) { return 0; }
int cudnnBackendCreateDescriptor(int type, handle* out) { *out = 1; return 0; }
int cudnnBackendDestroyDescriptor(handle descriptor) { return 0; }
int cudnnBackendFinalize(handle descriptor) { return gpu >= 2 ? CUDNN_NOT_SUPPORTED : 0; }
int cudnnBackendSetAttribute(handle descriptor, int attribute, int type, int64_t count, void* values) {
  int isNumber = type == 3 || type == 6; // CUDNN_TYPE_INT64, CUDNN_TYPE_VOID_PTR
  text("set %d of cuDNN", attribute);
  bytes(values, isNumber ? count * sizeof(handle) : 0);
  text("\n");
  return 0;
}
int cudnnBackendGetAttribute(
    handle descriptor, int attribute, int type, int64_t most, int64_t* count, void* values) {
  *count = attribute == 202; // the configurations of engines
  return 0;
}
int cudnnBackendExecute(handle library, handle plan, handle pack) { return CALLED("execute"), 0; }

// ---- NVRTC

char* nvrtcGetErrorString(int code) { return "none"; }
int nvrtcVersion(int* major, int* minor) { *major = 13; *minor = 99; return 0; }
int nvrtcCreateProgram(handle* out, char* source, char* name, int headers, char** texts, char** names) {
  *out = 1;
  return 0;
}
int nvrtcDestroyProgram(handle* program) { return 0; }
int nvrtcCompileProgram(handle program, int count, char** options) { return 0; }
int nvrtcGetCUBINSize(handle program, size_t* bytes) { *bytes = 1; return 0; }
int nvrtcGetCUBIN(handle program, char* cubin) { *cubin = 0; return 0; }
int nvrtcGetProgramLogSize(handle program, size_t* bytes) { *bytes = 1; return 0; }
int nvrtcGetProgramLog(handle program, char* log) { *log = 0; return 0; }
