package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// cuDNN's backend API: handles, and descriptors that describe graphs of operations. [CudnnGraph]
/// is the way to use it. A handle is a plain long, for one thread at a time.
public final class Cudnn {
  private static final NativeLibrary LIBRARY = NativeLibraries.CUDNN;

  /// The least version whose attention we use: 9.10.2 (9.10.0 and 9.10.1 are wrong in bf16).
  public static final int LEAST = 91_002;

  /// The least version with attention as one operation, 9.13.1.
  public static final int ONE_ATTENTION = 91_301;

  private static final int TEXT = 1024;

  private static final MethodHandle STATUS_TEXT =
      LIBRARY.function("cudnnGetErrorString", ADDRESS, JAVA_INT);
  private static final MethodHandle LAST_ERROR =
      LIBRARY.procedure("cudnnGetLastErrorString", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG));
  private static final MethodHandle VERSION = LIBRARY.function("cudnnGetVersion", JAVA_LONG);
  private static final MethodHandle RUNTIME = LIBRARY.function("cudnnGetCudartVersion", JAVA_LONG);
  private static final MethodHandle CREATE = LIBRARY.function("cudnnCreate", JAVA_INT, ADDRESS);
  private static final MethodHandle DESTROY = LIBRARY.function("cudnnDestroy", JAVA_INT, JAVA_LONG);
  private static final MethodHandle SET_STREAM =
      LIBRARY.function("cudnnSetStream", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle DESCRIPTOR_CREATE =
      LIBRARY.function("cudnnBackendCreateDescriptor", JAVA_INT, JAVA_INT, ADDRESS);
  private static final MethodHandle DESCRIPTOR_DESTROY =
      LIBRARY.function("cudnnBackendDestroyDescriptor", JAVA_INT, JAVA_LONG);
  private static final MethodHandle DESCRIPTOR_FINALIZE =
      LIBRARY.function("cudnnBackendFinalize", JAVA_INT, JAVA_LONG);
  private static final MethodHandle SET_ATTRIBUTE =
      LIBRARY.function(
          "cudnnBackendSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle GET_ATTRIBUTE =
      LIBRARY.function(
          "cudnnBackendGetAttribute",
          JAVA_INT,
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle EXECUTE =
      LIBRARY.function("cudnnBackendExecute", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);

  private Cudnn() {}

  /// Element types, with cudnn_graph.h's numbers.
  public enum Element {
    FLOAT32(0),
    BFLOAT16(9),
    FLOAT8_E4M3(12);

    final int code;

    Element(int code) {
      this.code = code;
    }
  }

  /// The library's version, for example 91900 for 9.19.0.
  public static int version() {
    return whole(VERSION);
  }

  /// The CUDA version that the library was built for, for example 13000.
  public static int runtimeVersion() {
    return whole(RUNTIME);
  }

  /// Makes a library handle of the current context.
  public static long create() {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_LONG);
      call("cudnnCreate", () -> (int) CREATE.invokeExact(out));
      return NativeLibrary.pointer(out);
    }
  }

  /// Destroys a library handle.
  public static void destroy(long handle) {
    call("cudnnDestroy", () -> (int) DESTROY.invokeExact(handle));
  }

  /// Makes a handle's later work run in a stream's order.
  public static void setStream(long handle, long stream) {
    call("cudnnSetStream", () -> (int) SET_STREAM.invokeExact(handle, stream));
  }

  static long createDescriptor(int type) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_LONG);
      call("cudnnBackendCreateDescriptor", () -> (int) DESCRIPTOR_CREATE.invokeExact(type, out));
      return NativeLibrary.pointer(out);
    }
  }

  static void destroyDescriptor(long descriptor) {
    call("cudnnBackendDestroyDescriptor", () -> (int) DESCRIPTOR_DESTROY.invokeExact(descriptor));
  }

  static void finish(long descriptor) {
    call("cudnnBackendFinalize", () -> (int) DESCRIPTOR_FINALIZE.invokeExact(descriptor));
  }

  static void set(long descriptor, int attribute, int type, long count, MemorySegment values) {
    call(
        "cudnnBackendSetAttribute",
        () -> (int) SET_ATTRIBUTE.invokeExact(descriptor, attribute, type, count, values));
  }

  /// Reads up to `most` values of an attribute and says how many there are.
  static long get(long descriptor, int attribute, int type, long most, MemorySegment values) {
    try (var arena = Arena.ofConfined()) {
      var count = arena.allocate(JAVA_LONG);
      call(
          "cudnnBackendGetAttribute",
          () -> (int) GET_ATTRIBUTE.invokeExact(descriptor, attribute, type, most, count, values));
      return count.get(JAVA_LONG, 0);
    }
  }

  static void execute(long handle, long plan, long pack) {
    call("cudnnBackendExecute", () -> (int) EXECUTE.invokeExact(handle, plan, pack));
  }

  private static int whole(MethodHandle handle) {
    var value = new long[1];
    NativeLibrary.status(() -> {
      value[0] = (long) handle.invokeExact();
      return 0;
    });
    return Math.toIntExact(value[0]);
  }

  private static void call(String function, NativeLibrary.Call call) {
    LIBRARY.call(function, call, Cudnn::errorText);
  }

  private static String errorText(int code) {
    var name = NativeLibrary.text(() -> (MemorySegment) STATUS_TEXT.invokeExact(code));
    try (var arena = Arena.ofConfined()) {
      var text = arena.allocate(TEXT);
      NativeLibrary.status(() -> {
        LAST_ERROR.invokeExact(text, (long) TEXT);
        return 0;
      });
      return name + ": " + text.getString(0).strip();
    }
  }
}
