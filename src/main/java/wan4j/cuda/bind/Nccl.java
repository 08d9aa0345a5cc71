package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// NCCL, collectives between GPUs. A communicator is a plain long; collectives run in stream order,
/// and every rank of a communicator calls the same ones in the same order.
public final class Nccl {
  static {
    // with multicast over NVLink, communicators took long to make and hung; NCCL reads this once
    ProcessEnvironment.setUnlessGiven("NCCL_NVLS_ENABLE", "0");
  }

  private static final NativeLibrary LIBRARY = NativeLibraries.NCCL;

  private static final int IN_PROGRESS = 7; // ncclInProgress
  private static final int ID_BYTES = (int) CudaLayouts.UNIQUE_ID.byteSize();

  private static final MethodHandle ERROR =
      LIBRARY.function("ncclGetErrorString", ADDRESS, JAVA_INT);
  private static final MethodHandle LAST_ERROR =
      LIBRARY.function("ncclGetLastError", ADDRESS, JAVA_LONG);
  private static final MethodHandle VERSION = LIBRARY.function("ncclGetVersion", JAVA_INT, ADDRESS);
  private static final MethodHandle UNIQUE_ID =
      LIBRARY.function("ncclGetUniqueId", JAVA_INT, ADDRESS);
  private static final MethodHandle INIT =
      LIBRARY.function(
          "ncclCommInitRank", JAVA_INT, ADDRESS, JAVA_INT, CudaLayouts.UNIQUE_ID, JAVA_INT);
  private static final MethodHandle DESTROY =
      LIBRARY.function("ncclCommDestroy", JAVA_INT, JAVA_LONG);
  private static final MethodHandle ABORT = LIBRARY.function("ncclCommAbort", JAVA_INT, JAVA_LONG);
  private static final MethodHandle ASYNC_ERROR =
      LIBRARY.function("ncclCommGetAsyncError", JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle ALL_REDUCE =
      LIBRARY.function(
          "ncclAllReduce",
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG);
  private static final MethodHandle ALL_GATHER =
      LIBRARY.function(
          "ncclAllGather",
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG);
  private static final MethodHandle BROADCAST =
      LIBRARY.function(
          "ncclBroadcast",
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG);
  private static final MethodHandle SEND =
      LIBRARY.function(
          "ncclSend", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle RECEIVE =
      LIBRARY.function(
          "ncclRecv", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle GROUP_START = LIBRARY.function("ncclGroupStart", JAVA_INT);
  private static final MethodHandle GROUP_END = LIBRARY.function("ncclGroupEnd", JAVA_INT);

  private Nccl() {}

  /// Element types, with nccl.h's numbers.
  public enum Element {
    BYTE(1, 1),
    FLOAT32(7, 4),
    FLOAT64(8, 8),
    BFLOAT16(9, 2);

    final int code;
    final int bytes;

    Element(int code, int bytes) {
      this.code = code;
      this.bytes = bytes;
    }
  }

  /// The library's version, for example 22707 for 2.27.7.
  public static int version() {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_INT);
      call("ncclGetVersion", () -> (int) VERSION.invokeExact(out));
      return out.get(JAVA_INT, 0);
    }
  }

  /// Makes the name of a new communicator: 128 bytes that rank 0 hands to every other rank.
  public static byte[] uniqueId() {
    try (var arena = Arena.ofConfined()) {
      var id = arena.allocate(CudaLayouts.UNIQUE_ID);
      call("ncclGetUniqueId", () -> (int) UNIQUE_ID.invokeExact(id));
      return id.toArray(JAVA_BYTE);
    }
  }

  /// Joins a communicator as one of its ranks, on the current context's GPU; waits for the others.
  public static long join(byte[] uniqueId, int ranks, int rank) {
    if (uniqueId.length != ID_BYTES) {
      throw new IllegalArgumentException(
          "a communicator's name has " + ID_BYTES + " bytes, got " + uniqueId.length);
    }
    try (var arena = Arena.ofConfined()) {
      var id = arena.allocate(CudaLayouts.UNIQUE_ID);
      MemorySegment.copy(uniqueId, 0, id, JAVA_BYTE, 0, ID_BYTES);
      var out = arena.allocate(JAVA_LONG);
      call("ncclCommInitRank", () -> (int) INIT.invokeExact(out, ranks, id, rank));
      return NativeLibrary.pointer(out);
    }
  }

  /// Leaves a communicator once its work is done.
  public static void destroy(long communicator) {
    call("ncclCommDestroy", () -> (int) DESTROY.invokeExact(communicator));
  }

  /// Leaves a communicator at once, also one whose other ranks are dead; any thread may call it.
  public static void abort(long communicator) {
    call("ncclCommAbort", () -> (int) ABORT.invokeExact(communicator));
  }

  /// What went wrong in a communicator's queued work, in one sentence, or null.
  public static String failure(long communicator) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_INT);
      call("ncclCommGetAsyncError", () -> (int) ASYNC_ERROR.invokeExact(communicator, out));
      var code = out.get(JAVA_INT, 0);
      return code == 0 || code == IN_PROGRESS ? null : errorText(code);
    }
  }

  /// How elements of all ranks become one, with nccl.h's numbers.
  public enum Reduction {
    SUM(0),
    MAXIMUM(2);

    final int code;

    Reduction(int code) {
      this.code = code;
    }
  }

  /// Reduces `count` elements over all ranks; both addresses may be one.
  public static void allReduce(
      long from,
      long to,
      long count,
      Element type,
      Reduction reduction,
      long communicator,
      long stream) {
    var code = type.code;
    var how = reduction.code;
    call(
        "ncclAllReduce",
        () -> (int) ALL_REDUCE.invokeExact(from, to, count, code, how, communicator, stream));
  }

  /// Gathers `count` elements of each rank, in the order of ranks.
  public static void allGather(
      long from, long to, long count, Element type, long communicator, long stream) {
    var code = type.code;
    call(
        "ncclAllGather",
        () -> (int) ALL_GATHER.invokeExact(from, to, count, code, communicator, stream));
  }

  /// Copies `count` elements of rank `root` to all ranks.
  public static void broadcast(
      long from, long to, long count, Element type, int root, long communicator, long stream) {
    var code = type.code;
    call(
        "ncclBroadcast",
        () -> (int) BROADCAST.invokeExact(from, to, count, code, root, communicator, stream));
  }

  /// Sends part r of `from`, `count` elements, to rank r, and receives its part as part r of `to`.
  public static void allToAll(
      long from, long to, long count, Element type, int ranks, long communicator, long stream) {
    var bytes = count * type.bytes;
    startGroup();
    try {
      for (var rank = 0; rank < ranks; rank++) {
        send(from + rank * bytes, count, type, rank, communicator, stream);
        receive(to + rank * bytes, count, type, rank, communicator, stream);
      }
    } finally {
      endGroup();
    }
  }

  /// Sends `count` elements to a rank, which receives as many; inside a group they meet freely.
  public static void send(
      long from, long count, Element type, int rank, long communicator, long stream) {
    var code = type.code;
    call("ncclSend", () -> (int) SEND.invokeExact(from, count, code, rank, communicator, stream));
  }

  /// Receives `count` elements from a rank.
  public static void receive(
      long to, long count, Element type, int rank, long communicator, long stream) {
    var code = type.code;
    call("ncclRecv", () -> (int) RECEIVE.invokeExact(to, count, code, rank, communicator, stream));
  }

  /// Holds back this thread's calls until [#endGroup].
  public static void startGroup() {
    call("ncclGroupStart", () -> (int) GROUP_START.invokeExact());
  }

  /// Lets go of the calls since [#startGroup] all at once.
  public static void endGroup() {
    call("ncclGroupEnd", () -> (int) GROUP_END.invokeExact());
  }

  private static void call(String function, NativeLibrary.Call call) {
    LIBRARY.call(function, call, Nccl::errorText);
  }

  private static String errorText(int code) {
    var name = NativeLibrary.text(() -> (MemorySegment) ERROR.invokeExact(code));
    var detail = NativeLibrary.text(() -> (MemorySegment) LAST_ERROR.invokeExact(0L));
    return detail.isBlank() ? name : name + ": " + detail.strip();
  }
}
