package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static wan4j.cuda.bind.CudaDriver.address;
import static wan4j.cuda.bind.CudaDriver.call;

import java.lang.invoke.MethodHandle;

/// The CUDA driver's graphs: work of a stream that is recorded in place of being done, and done as
/// often as one likes by a single call. Graphs and what is made of them to run are plain long
/// handles.
public final class CudaGraphs {
  private static final NativeLibrary LIBRARY = NativeLibraries.DRIVER;

  private static final int THREAD_LOCAL = 1; // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL

  private static final MethodHandle BEGIN =
      LIBRARY.function("cuStreamBeginCapture_v2", JAVA_INT, JAVA_LONG, JAVA_INT);
  private static final MethodHandle END =
      LIBRARY.function("cuStreamEndCapture", JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle INSTANTIATE =
      LIBRARY.function("cuGraphInstantiateWithFlags", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle LAUNCH =
      LIBRARY.function("cuGraphLaunch", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle DESTROY =
      LIBRARY.function("cuGraphDestroy", JAVA_INT, JAVA_LONG);
  private static final MethodHandle DESTROY_EXECUTABLE =
      LIBRARY.function("cuGraphExecDestroy", JAVA_INT, JAVA_LONG);

  private CudaGraphs() {}

  /// Has what this thread queues in a stream recorded from now on, and none of it done.
  public static void begin(long stream) {
    call("cuStreamBeginCapture_v2", () -> (int) BEGIN.invokeExact(stream, THREAD_LOCAL));
  }

  /// Ends that and returns the graph of what was queued.
  public static long end(long stream) {
    return address("cuStreamEndCapture", out -> (int) END.invokeExact(stream, out));
  }

  /// Makes of a graph what can be run; the graph is no longer needed for it.
  public static long executable(long graph) {
    return address(
        "cuGraphInstantiateWithFlags", out -> (int) INSTANTIATE.invokeExact(out, graph, 0L));
  }

  /// Queues all that was recorded.
  public static void launch(long executable, long stream) {
    call("cuGraphLaunch", () -> (int) LAUNCH.invokeExact(executable, stream));
  }

  /// Frees a graph.
  public static void destroy(long graph) {
    call("cuGraphDestroy", () -> (int) DESTROY.invokeExact(graph));
  }

  /// Frees what was made of a graph, once it has run.
  public static void destroyExecutable(long executable) {
    call("cuGraphExecDestroy", () -> (int) DESTROY_EXECUTABLE.invokeExact(executable));
  }
}
