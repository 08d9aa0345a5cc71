package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.invoke.MethodHandle;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// The CUDA driver's contexts, each a plain long handle: which one is the calling thread's own, and
/// which ones the driver has given up. A context that a failed kernel or the hardware has broken
/// answers every later call with the same error until the process ends.
public final class CudaContexts {
  private static final NativeLibrary LIBRARY = NativeLibraries.DRIVER;
  private static final long NONE = -1;

  private static final MethodHandle RETAIN =
      LIBRARY.function("cuDevicePrimaryCtxRetain", JAVA_INT, ADDRESS, JAVA_INT);
  private static final int POINTER_CONTEXT = 1; // CU_POINTER_ATTRIBUTE_CONTEXT
  private static final int ALREADY = 704; // CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED
  private static final int IMPOSSIBLE = 217; // CUDA_ERROR_PEER_ACCESS_UNSUPPORTED

  private static final MethodHandle OF_POINTER =
      LIBRARY.function("cuPointerGetAttribute", JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG);
  private static final MethodHandle ENABLE_PEER =
      LIBRARY.function("cuCtxEnablePeerAccess", JAVA_INT, JAVA_LONG, JAVA_INT);
  private static final MethodHandle SET = LIBRARY.function("cuCtxSetCurrent", JAVA_INT, JAVA_LONG);

  private static final ThreadLocal<long[]> CURRENT =
      ThreadLocal.withInitial(() -> new long[] {NONE});
  private static final Map<Long, CudaException> BROKEN = new ConcurrentHashMap<>();

  private CudaContexts() {}

  /// Retains the primary context of a GPU, which libraries share, and makes it this thread's.
  public static long retain(int ordinal) {
    var handle = CudaDriver.deviceHandle(ordinal);
    var context =
        CudaDriver.address(
            "cuDevicePrimaryCtxRetain", out -> (int) RETAIN.invokeExact(out, handle));
    use(context);
    return context;
  }

  /// Returns the context of device memory.
  public static long of(long address) {
    return CudaDriver.address(
        "cuPointerGetAttribute",
        out -> (int) OF_POINTER.invokeExact(out, POINTER_CONTEXT, address));
  }

  /// Lets the calling thread's context reach the memory of another one of this process directly,
  /// where the GPUs can; harmless when repeated.
  public static void reach(long context) {
    CudaDriver.call(
        "cuCtxEnablePeerAccess",
        () -> {
          int code = (int) ENABLE_PEER.invokeExact(context, 0);
          return code == ALREADY || code == IMPOSSIBLE ? 0 : code;
        });
  }

  /// Makes a context the calling thread's own, which costs a call of the driver only where another
  /// was.
  public static void use(long context) {
    var current = CURRENT.get();
    if (current[0] != context) {
      current[0] = NONE;
      CudaDriver.call("cuCtxSetCurrent", () -> (int) SET.invokeExact(context));
      current[0] = context;
    }
  }

  /// Whether a call in this context has failed so that no other can succeed.
  public static boolean isBroken(long context) {
    return !BROKEN.isEmpty() && BROKEN.containsKey(context);
  }

  /// Throws [CudaException], which says what broke a context, when it is broken.
  public static void requireUnbroken(long context) {
    if (isBroken(context)) {
      throw CudaException.again(BROKEN.get(context));
    }
  }

  /// Notes a failure of the driver in the calling thread's context.
  static void note(CudaException failure) {
    if (failure.breaksContext()) {
      BROKEN.putIfAbsent(CURRENT.get()[0], failure);
    }
  }
}
