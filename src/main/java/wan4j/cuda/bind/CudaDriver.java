package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static wan4j.cuda.bind.NativeLibrary.pointer;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.stream.IntStream;

/// The CUDA driver: devices and memory. Device addresses are plain longs. Contexts are in
/// [CudaContexts], streams and events in [CudaStreams], kernels in [CudaKernels]. Every method
/// throws [CudaException] when the driver refuses.
@SuppressWarnings("restricted")
public final class CudaDriver {
  private static final NativeLibrary LIBRARY = NativeLibraries.DRIVER;

  private static final int MULTIPROCESSORS = 16; // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
  private static final int MAJOR = 75; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
  private static final int MINOR = 76; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
  private static final int PORTABLE = 1; // CU_MEMHOSTALLOC_PORTABLE
  private static final int LONGEST_ADDRESS = 32; // "00000000:1b:00.0" and room

  private static final MethodHandle ERROR_NAME =
      LIBRARY.function("cuGetErrorName", JAVA_INT, JAVA_INT, ADDRESS);
  private static final MethodHandle ERROR_STRING =
      LIBRARY.function("cuGetErrorString", JAVA_INT, JAVA_INT, ADDRESS);
  private static final MethodHandle INIT = LIBRARY.function("cuInit", JAVA_INT, JAVA_INT);
  private static final MethodHandle DEVICE_COUNT =
      LIBRARY.function("cuDeviceGetCount", JAVA_INT, ADDRESS);
  private static final MethodHandle DEVICE_GET =
      LIBRARY.function("cuDeviceGet", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle DEVICE_NAME =
      LIBRARY.function("cuDeviceGetName", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle DEVICE_BUS_ADDRESS =
      LIBRARY.function("cuDeviceGetPCIBusId", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle DEVICE_MEMORY =
      LIBRARY.function("cuDeviceTotalMem_v2", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle DEVICE_ATTRIBUTE =
      LIBRARY.function("cuDeviceGetAttribute", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle MEMORY_INFO =
      LIBRARY.function("cuMemGetInfo_v2", JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle ALLOCATE =
      LIBRARY.function("cuMemAlloc_v2", JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle FREE = LIBRARY.function("cuMemFree_v2", JAVA_INT, JAVA_LONG);
  private static final MethodHandle HOST_ALLOCATE =
      LIBRARY.function("cuMemHostAlloc", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
  private static final MethodHandle HOST_FREE =
      LIBRARY.function("cuMemFreeHost", JAVA_INT, JAVA_LONG);
  private static final MethodHandle COPY_TO_DEVICE =
      LIBRARY.function("cuMemcpyHtoDAsync_v2", JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle COPY_TO_HOST =
      LIBRARY.function("cuMemcpyDtoHAsync_v2", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle COPY_ON_DEVICE =
      LIBRARY.function(
          "cuMemcpyDtoDAsync_v2", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle COPY_FROM_PEER =
      LIBRARY.function(
          "cuMemcpyPeerAsync",
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG);
  private static final MethodHandle FILL_BYTES =
      LIBRARY.function("cuMemsetD8Async", JAVA_INT, JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG);

  private CudaDriver() {}

  /// Starts the driver in this process; harmless when repeated.
  public static void initialize() {
    call("cuInit", () -> (int) INIT.invokeExact(0));
  }

  /// The newest CUDA version that the driver serves, for example 13000 for 13.0.
  public static int version() {
    return DriverVersion.of(LIBRARY);
  }

  /// The same as text, for example "13.0".
  public static String served() {
    return Cuda.version(version());
  }

  /// The driver's own version, for example "580.159.04", or null where it does not tell.
  public static String release() {
    return DriverRelease.ofThisMachine();
  }

  /// How many GPUs the driver shows to this process; 0 without any.
  public static int deviceCount() {
    return number("cuDeviceGetCount", out -> (int) DEVICE_COUNT.invokeExact(out));
  }

  /// Describes every GPU that the driver shows to this process.
  public static List<CudaDevice> devices() {
    return IntStream.range(0, deviceCount()).mapToObj(CudaDriver::device).toList();
  }

  /// Describes the GPU of this ordinal.
  public static CudaDevice device(int ordinal) {
    var handle = deviceHandle(ordinal);
    return new CudaDevice(
        ordinal,
        deviceName(handle),
        attribute(handle, MAJOR),
        attribute(handle, MINOR),
        attribute(handle, MULTIPROCESSORS),
        address("cuDeviceTotalMem_v2", out -> (int) DEVICE_MEMORY.invokeExact(out, handle)));
  }

  /// Where the GPU of this ordinal is connected, for example "0000:1b:00.0".
  static String busAddress(int ordinal) {
    var handle = deviceHandle(ordinal);
    try (var arena = Arena.ofConfined()) {
      var text = arena.allocate(LONGEST_ADDRESS);
      call(
          "cuDeviceGetPCIBusId",
          () -> (int) DEVICE_BUS_ADDRESS.invokeExact(text, LONGEST_ADDRESS, handle));
      return text.getString(0);
    }
  }

  /// Bytes of device memory that are free now.
  public static long freeMemory() {
    return memoryInfo(0);
  }

  /// Bytes of device memory in all.
  public static long totalMemory() {
    return memoryInfo(1);
  }

  /// Takes device memory, aligned to at least 256 bytes; it is not cleared.
  public static long allocate(long bytes) {
    return address("cuMemAlloc_v2", out -> (int) ALLOCATE.invokeExact(out, bytes));
  }

  /// Gives device memory back; waits for work that is under way.
  public static void free(long address) {
    call("cuMemFree_v2", () -> (int) FREE.invokeExact(address));
  }

  /// Takes page-locked host memory that every context can copy from; [#freeHost] gives it back.
  public static MemorySegment allocateHost(long bytes) {
    var address =
        address("cuMemHostAlloc", out -> (int) HOST_ALLOCATE.invokeExact(out, bytes, PORTABLE));
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  /// Gives back what [#allocateHost] took; the segment must not be used afterwards.
  public static void freeHost(MemorySegment memory) {
    var address = memory.address();
    call("cuMemFreeHost", () -> (int) HOST_FREE.invokeExact(address));
  }

  /// Copies all of a native segment to the device in stream order; asynchronous only from
  /// page-locked memory, which must stay untouched until then.
  public static void copyToDevice(long to, MemorySegment from, long stream) {
    var bytes = from.byteSize();
    call("cuMemcpyHtoDAsync_v2", () -> (int) COPY_TO_DEVICE.invokeExact(to, from, bytes, stream));
  }

  /// Fills all of a native segment from the device in stream order; see [#copyToDevice].
  public static void copyToHost(MemorySegment to, long from, long stream) {
    var bytes = to.byteSize();
    call("cuMemcpyDtoHAsync_v2", () -> (int) COPY_TO_HOST.invokeExact(to, from, bytes, stream));
  }

  /// Copies on the device, also between GPUs that may access one another, in stream order.
  public static void copyOnDevice(long to, long from, long bytes, long stream) {
    call("cuMemcpyDtoDAsync_v2", () -> (int) COPY_ON_DEVICE.invokeExact(to, from, bytes, stream));
  }

  /// Copies from the memory of one context to that of another in stream order: directly where the
  /// GPUs reach each other, else through the host.
  public static void copyFromPeer(
      long to, long toContext, long from, long fromContext, long bytes, long stream) {
    call(
        "cuMemcpyPeerAsync",
        () -> (int) COPY_FROM_PEER.invokeExact(to, toContext, from, fromContext, bytes, stream));
  }

  /// Sets `count` bytes to `value` in stream order.
  public static void fillBytes(long address, int value, long count, long stream) {
    var narrow = (byte) value;
    call("cuMemsetD8Async", () -> (int) FILL_BYTES.invokeExact(address, narrow, count, stream));
  }

  static void call(String function, NativeLibrary.Call call) {
    try {
      LIBRARY.call(function, call, CudaDriver::errorText);
    } catch (CudaException e) {
      CudaContexts.note(e);
      throw e;
    }
  }

  /// Runs a call that writes one 8-byte value, and returns it.
  static long address(String function, OutCall call) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_LONG);
      call(function, () -> call.run(out));
      return pointer(out);
    }
  }

  /// Runs a call that writes one 4-byte value, and returns it.
  static int number(String function, OutCall call) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_INT);
      call(function, () -> call.run(out));
      return out.get(JAVA_INT, 0);
    }
  }

  /// A native call with one output.
  @FunctionalInterface
  interface OutCall {
    int run(MemorySegment out) throws Throwable;
  }

  static int deviceHandle(int ordinal) {
    return number("cuDeviceGet", out -> (int) DEVICE_GET.invokeExact(out, ordinal));
  }

  private static String deviceName(int handle) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(256);
      call("cuDeviceGetName", () -> (int) DEVICE_NAME.invokeExact(out, 256, handle));
      return out.getString(0);
    }
  }

  private static int attribute(int handle, int attribute) {
    return number(
        "cuDeviceGetAttribute", out -> (int) DEVICE_ATTRIBUTE.invokeExact(out, attribute, handle));
  }

  private static long memoryInfo(int index) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_LONG, 2);
      var total = out.asSlice(JAVA_LONG.byteSize());
      call("cuMemGetInfo_v2", () -> (int) MEMORY_INFO.invokeExact(out, total));
      return out.getAtIndex(JAVA_LONG, index);
    }
  }

  private static String errorText(int code) {
    return errorPart(ERROR_NAME, code) + ": " + errorPart(ERROR_STRING, code);
  }

  private static String errorPart(MethodHandle handle, int code) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(ADDRESS);
      NativeLibrary.status(() -> (int) handle.invokeExact(code, out));
      return NativeLibrary.text(() -> out.get(ADDRESS, 0));
    }
  }
}
