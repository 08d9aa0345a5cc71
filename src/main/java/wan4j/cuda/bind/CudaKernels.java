package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static wan4j.cuda.bind.CudaDriver.address;
import static wan4j.cuda.bind.CudaDriver.call;
import static wan4j.cuda.bind.CudaDriver.number;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// The CUDA driver's compiled code: modules, functions, launches, tensor maps. Modules and
/// functions are plain long handles of the context that loaded them.
public final class CudaKernels {
  private static final NativeLibrary LIBRARY = NativeLibraries.DRIVER;

  private static final int LOCAL = 3; // CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES
  private static final int REGISTERS = 4; // CU_FUNC_ATTRIBUTE_NUM_REGS
  private static final int DYNAMIC_SHARED = 8; // …MAX_DYNAMIC_SHARED_SIZE_BYTES

  private static final MethodHandle LOAD =
      LIBRARY.function("cuModuleLoadData", JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle UNLOAD =
      LIBRARY.function("cuModuleUnload", JAVA_INT, JAVA_LONG);
  private static final MethodHandle FUNCTION =
      LIBRARY.function("cuModuleGetFunction", JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS);
  private static final MethodHandle FUNCTION_LOAD =
      LIBRARY.function("cuFuncLoad", JAVA_INT, JAVA_LONG);
  private static final MethodHandle ATTRIBUTE =
      LIBRARY.function("cuFuncGetAttribute", JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG);
  private static final MethodHandle SET_ATTRIBUTE =
      LIBRARY.function("cuFuncSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT);
  private static final MethodHandle LAUNCH =
      LIBRARY.function(
          "cuLaunchKernel",
          JAVA_INT,
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle OCCUPANCY =
      LIBRARY.function(
          "cuOccupancyMaxActiveBlocksPerMultiprocessor",
          JAVA_INT,
          ADDRESS,
          JAVA_LONG,
          JAVA_INT,
          JAVA_LONG);
  private static final MethodHandle ENCODE =
      LIBRARY.function(
          "cuTensorMapEncodeTiled",
          JAVA_INT,
          ADDRESS,
          JAVA_INT,
          JAVA_INT,
          JAVA_LONG,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT);

  private CudaKernels() {}

  /// Loads a cubin into the current context.
  public static long loadModule(byte[] cubin) {
    try (var arena = Arena.ofConfined()) {
      var image = arena.allocate(cubin.length, 64);
      MemorySegment.copy(cubin, 0, image, JAVA_BYTE, 0, cubin.length);
      return address("cuModuleLoadData", out -> (int) LOAD.invokeExact(out, image));
    }
  }

  /// Unloads a module; its functions become invalid.
  public static void unloadModule(long module) {
    call("cuModuleUnload", () -> (int) UNLOAD.invokeExact(module));
  }

  /// Finds a kernel by its `extern "C"` name and loads its code at once, never at the first launch.
  public static long function(long module, String name) {
    try (var arena = Arena.ofConfined()) {
      var text = arena.allocateFrom(name);
      var function =
          address("cuModuleGetFunction", out -> (int) FUNCTION.invokeExact(out, module, text));
      if (LIBRARY.has("cuFuncLoad")) { // drivers before CUDA 12.4 load modules whole
        call("cuFuncLoad", () -> (int) FUNCTION_LOAD.invokeExact(function));
      }
      return function;
    }
  }

  /// Registers a thread of the kernel.
  public static int registers(long function) {
    return attribute(function, REGISTERS);
  }

  /// Bytes of local memory a thread: 0 unless the kernel spills or indexes an array at run time.
  public static int localBytes(long function) {
    return attribute(function, LOCAL);
  }

  /// Lets a kernel take this much dynamic shared memory; needed above 48 KB.
  public static void allowShared(long function, int bytes) {
    setAttribute(function, DYNAMIC_SHARED, bytes);
  }

  /// How many blocks of this many threads and bytes fit on one multiprocessor at once.
  public static int blocksPerMultiprocessor(long function, int threads, long sharedBytes) {
    return number(
        "cuOccupancyMaxActiveBlocksPerMultiprocessor",
        out -> (int) OCCUPANCY.invokeExact(out, function, threads, sharedBytes));
  }

  /// Launches a kernel in stream order; errors inside it appear at a later call.
  public static void launch(
      long function, LaunchShape shape, long stream, KernelArguments arguments) {
    var pointers = arguments.pointers();
    call(
        "cuLaunchKernel",
        () ->
            (int)
                LAUNCH.invokeExact(
                    function,
                    shape.gridX(),
                    shape.gridY(),
                    shape.gridZ(),
                    shape.blockX(),
                    shape.blockY(),
                    shape.blockZ(),
                    shape.shared(),
                    stream,
                    pointers,
                    MemorySegment.NULL));
  }

  static void encodeTensorMap(
      MemorySegment map,
      int type,
      int rank,
      long tensor,
      MemorySegment sizes,
      MemorySegment strides,
      MemorySegment box,
      MemorySegment steps,
      int swizzle,
      int promotion) {
    call(
        "cuTensorMapEncodeTiled",
        () ->
            (int)
                ENCODE.invokeExact(
                    map, type, rank, tensor, sizes, strides, box, steps, 0, swizzle, promotion, 0));
  }

  private static int attribute(long function, int attribute) {
    return number(
        "cuFuncGetAttribute", out -> (int) ATTRIBUTE.invokeExact(out, attribute, function));
  }

  private static void setAttribute(long function, int attribute, int value) {
    call("cuFuncSetAttribute", () -> (int) SET_ATTRIBUTE.invokeExact(function, attribute, value));
  }
}
