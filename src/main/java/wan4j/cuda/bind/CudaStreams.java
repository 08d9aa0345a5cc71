package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static wan4j.cuda.bind.CudaDriver.address;
import static wan4j.cuda.bind.CudaDriver.call;

import java.lang.foreign.Arena;
import java.lang.invoke.MethodHandle;

/// The CUDA driver's order of work: streams and events, each a plain long handle. Stream 0 is the
/// default stream of the current context.
public final class CudaStreams {
  private static final NativeLibrary LIBRARY = NativeLibraries.DRIVER;

  private static final int NON_BLOCKING = 1; // CU_STREAM_NON_BLOCKING
  private static final int TIMING = 0; // CU_EVENT_DEFAULT
  private static final int NO_TIMING = 2; // CU_EVENT_DISABLE_TIMING
  private static final int NOT_READY = 600; // CUDA_ERROR_NOT_READY

  private static final MethodHandle STREAM_CREATE =
      LIBRARY.function("cuStreamCreate", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle STREAM_DESTROY =
      LIBRARY.function("cuStreamDestroy_v2", JAVA_INT, JAVA_LONG);
  private static final MethodHandle STREAM_WAIT =
      LIBRARY.function("cuStreamSynchronize", JAVA_INT, JAVA_LONG);
  private static final MethodHandle STREAM_WAIT_EVENT =
      LIBRARY.function("cuStreamWaitEvent", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle EVENT_CREATE =
      LIBRARY.function("cuEventCreate", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle EVENT_DESTROY =
      LIBRARY.function("cuEventDestroy_v2", JAVA_INT, JAVA_LONG);
  private static final MethodHandle EVENT_RECORD =
      LIBRARY.function("cuEventRecord", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle EVENT_WAIT =
      LIBRARY.function("cuEventSynchronize", JAVA_INT, JAVA_LONG);
  private static final MethodHandle EVENT_QUERY =
      LIBRARY.function("cuEventQuery", JAVA_INT, JAVA_LONG);
  private static final MethodHandle EVENT_ELAPSED =
      LIBRARY.function("cuEventElapsedTime", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);

  private CudaStreams() {}

  /// Makes a stream that does not wait for the default stream.
  public static long create() {
    return address("cuStreamCreate", out -> (int) STREAM_CREATE.invokeExact(out, NON_BLOCKING));
  }

  /// Destroys a stream once its work is done.
  public static void destroy(long stream) {
    call("cuStreamDestroy_v2", () -> (int) STREAM_DESTROY.invokeExact(stream));
  }

  /// Waits on the host until all work of a stream is done.
  public static void synchronize(long stream) {
    call("cuStreamSynchronize", () -> (int) STREAM_WAIT.invokeExact(stream));
  }

  /// Makes later work of a stream wait for an event, without holding up the host.
  public static void waitFor(long stream, long event) {
    call("cuStreamWaitEvent", () -> (int) STREAM_WAIT_EVENT.invokeExact(stream, event, 0));
  }

  /// Makes an event that [#milliseconds] can read.
  public static long createTimingEvent() {
    return address("cuEventCreate", out -> (int) EVENT_CREATE.invokeExact(out, TIMING));
  }

  /// Makes an event that only orders work, which costs less.
  public static long createEvent() {
    return address("cuEventCreate", out -> (int) EVENT_CREATE.invokeExact(out, NO_TIMING));
  }

  /// Destroys an event.
  public static void destroyEvent(long event) {
    call("cuEventDestroy_v2", () -> (int) EVENT_DESTROY.invokeExact(event));
  }

  /// Marks the present end of a stream's work.
  public static void record(long event, long stream) {
    call("cuEventRecord", () -> (int) EVENT_RECORD.invokeExact(event, stream));
  }

  /// Waits on the host until an event has happened.
  public static void synchronizeEvent(long event) {
    call("cuEventSynchronize", () -> (int) EVENT_WAIT.invokeExact(event));
  }

  /// Says whether an event has happened, without waiting for it.
  public static boolean hasHappened(long event) {
    var code = new int[1];
    call(
        "cuEventQuery",
        () -> {
          code[0] = (int) EVENT_QUERY.invokeExact(event);
          return code[0] == NOT_READY ? 0 : code[0];
        });
    return code[0] == 0;
  }

  /// Milliseconds between two timing events that have both happened.
  public static float milliseconds(long start, long end) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_FLOAT);
      call("cuEventElapsedTime", () -> (int) EVENT_ELAPSED.invokeExact(out, start, end));
      return out.get(JAVA_FLOAT, 0);
    }
  }
}
