package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;

/// cuBLASLt, matrix products on tensor cores. Handles and descriptors are plain longs; [MatmulPlan]
/// is the way to use them.
public final class CublasLt {
  private static final NativeLibrary LIBRARY = NativeLibraries.CUBLASLT;

  private static final int VECTOR_SCALES = 120_900; // the least version with them: 12.9

  // cublasLt.h, cublasLtMatmulDescAttributes_t
  static final int INPUT_TRANSPOSED_A = 3;
  static final int INPUT_TRANSPOSED_B = 4;
  static final int EPILOGUE = 7;
  static final int BIAS_POINTER = 8;
  static final int A_SCALE_POINTER = 17;
  static final int B_SCALE_POINTER = 18;
  static final int D_SCALE_POINTER = 20;
  static final int AMAX_D_POINTER = 21;
  static final int FAST_ACCUMULATION = 25;
  static final int BIAS_TYPE = 26;
  static final int A_SCALE_MODE = 31;
  static final int B_SCALE_MODE = 32;
  // cublasLtMatrixLayoutAttribute_t
  static final int BATCH_COUNT = 5;
  static final int BATCH_STRIDE = 6;
  // cublasLtMatmulPreferenceAttributes_t
  static final int MAX_WORKSPACE = 1;
  static final int REDUCTION_SCHEMES = 3;
  // CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE: split sums through the workspace, in a fixed order and
  // in float32; the in-place scheme is left out.
  static final int ORDERED_REDUCTION = 2;

  // cublas_api.h: what the library answers about a combination that it does not have, beside the
  // codes of "not supported"
  private static final int INVALID_VALUE = 7;

  private static final long ALGORITHM_BYTES = CudaLayouts.MATMUL_ALGORITHM.byteSize();
  private static final long RESULT_BYTES = CudaLayouts.MATMUL_HEURISTIC.byteSize();
  private static final long RESULT_WORKSPACE =
      CudaLayouts.offset(CudaLayouts.MATMUL_HEURISTIC, "workspaceSize");
  private static final long RESULT_STATE =
      CudaLayouts.offset(CudaLayouts.MATMUL_HEURISTIC, "state");

  private static final MethodHandle STATUS_TEXT =
      LIBRARY.function("cublasLtGetStatusString", ADDRESS, JAVA_INT);
  private static final MethodHandle VERSION = LIBRARY.function("cublasLtGetVersion", JAVA_LONG);
  private static final MethodHandle CREATE = LIBRARY.function("cublasLtCreate", JAVA_INT, ADDRESS);
  private static final MethodHandle DESTROY =
      LIBRARY.function("cublasLtDestroy", JAVA_INT, JAVA_LONG);
  private static final MethodHandle DESCRIPTOR_CREATE =
      LIBRARY.function("cublasLtMatmulDescCreate", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle DESCRIPTOR_DESTROY =
      LIBRARY.function("cublasLtMatmulDescDestroy", JAVA_INT, JAVA_LONG);
  private static final MethodHandle DESCRIPTOR_SET =
      LIBRARY.function(
          "cublasLtMatmulDescSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle LAYOUT_CREATE =
      LIBRARY.function(
          "cublasLtMatrixLayoutCreate",
          JAVA_INT,
          ADDRESS,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG);
  private static final MethodHandle LAYOUT_DESTROY =
      LIBRARY.function("cublasLtMatrixLayoutDestroy", JAVA_INT, JAVA_LONG);
  private static final MethodHandle LAYOUT_SET =
      LIBRARY.function(
          "cublasLtMatrixLayoutSetAttribute", JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle PREFERENCE_CREATE =
      LIBRARY.function("cublasLtMatmulPreferenceCreate", JAVA_INT, ADDRESS);
  private static final MethodHandle PREFERENCE_DESTROY =
      LIBRARY.function("cublasLtMatmulPreferenceDestroy", JAVA_INT, JAVA_LONG);
  private static final MethodHandle PREFERENCE_SET =
      LIBRARY.function(
          "cublasLtMatmulPreferenceSetAttribute",
          JAVA_INT,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          JAVA_LONG);
  private static final MethodHandle HEURISTIC =
      LIBRARY.function(
          "cublasLtMatmulAlgoGetHeuristic",
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle CHECK =
      LIBRARY.function(
          "cublasLtMatmulAlgoCheck",
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle MATMUL =
      LIBRARY.function(
          "cublasLtMatmul",
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG);

  private CublasLt() {}

  /// One way to compute a product: 64 opaque bytes in hexadecimal, valid for the same device and
  /// library version, and the workspace that it needs in bytes.
  public record Algorithm(String code, long workspace) {}

  /// The descriptors of one product: operation and the four matrices.
  record Descriptors(long operation, long a, long b, long c, long d) {}

  /// Null where the library has scales per row and per 128 elements, else the sentence that says
  /// that it is too old for them, and the command that gets a newer one.
  public static String vectorScalesAbsence() {
    return version() >= VECTOR_SCALES
        ? null
        : LIBRARY.unsuitable(
            "is version %s, and FP8 scales per token and per block need 12.9 or newer"
                .formatted(CudaReport.dotted(version(), 10_000, 100)));
  }

  /// The library's version, for example 130002 for 13.0.2.
  public static int version() {
    var version = new long[1];
    NativeLibrary.status(() -> {
      version[0] = (long) VERSION.invokeExact();
      return 0;
    });
    return Math.toIntExact(version[0]);
  }

  /// Makes a library handle of the current context.
  public static long create() {
    return created("cublasLtCreate", out -> (int) CREATE.invokeExact(out));
  }

  /// Destroys a library handle.
  public static void destroy(long handle) {
    call("cublasLtDestroy", () -> (int) DESTROY.invokeExact(handle));
  }

  static long createOperation(int compute, int scaleType) {
    return created(
        "cublasLtMatmulDescCreate",
        out -> (int) DESCRIPTOR_CREATE.invokeExact(out, compute, scaleType));
  }

  static void destroyOperation(long operation) {
    call("cublasLtMatmulDescDestroy", () -> (int) DESCRIPTOR_DESTROY.invokeExact(operation));
  }

  static void setOperation(long operation, int attribute, int value) {
    setOperation(operation, attribute, arena -> arena.allocateFrom(JAVA_INT, value));
  }

  static void setOperation(long operation, int attribute, byte value) {
    setOperation(operation, attribute, arena -> arena.allocateFrom(JAVA_BYTE, value));
  }

  static void setOperation(long operation, int attribute, long value) {
    setOperation(operation, attribute, arena -> arena.allocateFrom(JAVA_LONG, value));
  }

  static long createLayout(int type, long rows, long columns, long stride) {
    return created(
        "cublasLtMatrixLayoutCreate",
        out -> (int) LAYOUT_CREATE.invokeExact(out, type, rows, columns, stride));
  }

  static void destroyLayout(long layout) {
    call("cublasLtMatrixLayoutDestroy", () -> (int) LAYOUT_DESTROY.invokeExact(layout));
  }

  static void setBatch(long layout, int count, long stride) {
    try (var arena = Arena.ofConfined()) {
      var counted = arena.allocateFrom(JAVA_INT, count);
      var spaced = arena.allocateFrom(JAVA_LONG, stride);
      call(
          "cublasLtMatrixLayoutSetAttribute",
          () -> (int) LAYOUT_SET.invokeExact(layout, BATCH_COUNT, counted, 4L));
      call(
          "cublasLtMatrixLayoutSetAttribute",
          () -> (int) LAYOUT_SET.invokeExact(layout, BATCH_STRIDE, spaced, 8L));
    }
  }

  /// Up to `most` algorithms, the library's best guess first; empty where it supports none.
  static List<Algorithm> heuristic(long handle, Descriptors descriptors, long workspace, int most) {
    var preference =
        created("cublasLtMatmulPreferenceCreate", out -> (int) PREFERENCE_CREATE.invokeExact(out));
    try (var arena = Arena.ofConfined()) {
      prefer(preference, MAX_WORKSPACE, arena.allocateFrom(JAVA_LONG, workspace));
      prefer(preference, REDUCTION_SCHEMES, arena.allocateFrom(JAVA_INT, ORDERED_REDUCTION));
      var results = arena.allocate(RESULT_BYTES * most, 8);
      var count = arena.allocate(JAVA_INT);
      var operation = descriptors.operation();
      var a = descriptors.a();
      var b = descriptors.b();
      var c = descriptors.c();
      var d = descriptors.d();
      var code =
          NativeLibrary.status(() ->
              (int)
                  HEURISTIC.invokeExact(
                      handle, operation, a, b, c, d, preference, most, results, count));
      var algorithms = new ArrayList<Algorithm>();
      var found = has("cublasLtMatmulAlgoGetHeuristic", code) ? count.get(JAVA_INT, 0) : 0;
      for (var index = 0; index < found; index++) {
        var result = results.asSlice(RESULT_BYTES * index, RESULT_BYTES);
        if (result.get(JAVA_INT, RESULT_STATE) == 0) {
          algorithms.add(
              new Algorithm(
                  HexFormat.of().formatHex(result.asSlice(0, ALGORITHM_BYTES).toArray(JAVA_BYTE)),
                  result.get(JAVA_LONG, RESULT_WORKSPACE)));
        }
      }
      return algorithms;
    } finally {
      call(
          "cublasLtMatmulPreferenceDestroy",
          () -> (int) PREFERENCE_DESTROY.invokeExact(preference));
    }
  }

  /// Checks that an algorithm kept from an earlier process serves this product, and how much
  /// workspace it needs; null where it does not.
  static Algorithm check(long handle, Descriptors descriptors, String algorithm) {
    try (var arena = Arena.ofConfined()) {
      var bytes = arena.allocate(ALGORITHM_BYTES, 8);
      write(algorithm, bytes);
      var result = arena.allocate(RESULT_BYTES, 8);
      var operation = descriptors.operation();
      var a = descriptors.a();
      var b = descriptors.b();
      var c = descriptors.c();
      var d = descriptors.d();
      var code =
          NativeLibrary.status(
              () -> (int) CHECK.invokeExact(handle, operation, a, b, c, d, bytes, result));
      return has("cublasLtMatmulAlgoCheck", code) && result.get(JAVA_INT, RESULT_STATE) == 0
          ? new Algorithm(algorithm, result.get(JAVA_LONG, RESULT_WORKSPACE))
          : null;
    }
  }

  /// Writes the bytes of an algorithm to native memory.
  static void write(String algorithm, MemorySegment bytes) {
    MemorySegment.copy(
        HexFormat.of().parseHex(algorithm), 0, bytes, JAVA_BYTE, 0, (int) ALGORITHM_BYTES);
  }

  static void matmul(
      long handle,
      Descriptors descriptors,
      MemorySegment factors,
      long a,
      long b,
      long c,
      long d,
      MemorySegment algorithm,
      long workspace,
      long workspaceBytes,
      long stream) {
    var alpha = factors;
    var beta = factors.asSlice(4);
    var operation = descriptors.operation();
    var aLayout = descriptors.a();
    var bLayout = descriptors.b();
    var cLayout = descriptors.c();
    var dLayout = descriptors.d();
    call(
        "cublasLtMatmul",
        () ->
            (int)
                MATMUL.invokeExact(
                    handle,
                    operation,
                    alpha,
                    a,
                    aLayout,
                    b,
                    bLayout,
                    beta,
                    c,
                    cLayout,
                    d,
                    dLayout,
                    algorithm,
                    workspace,
                    workspaceBytes,
                    stream));
  }

  private static void prefer(long preference, int attribute, MemorySegment value) {
    var bytes = value.byteSize();
    call(
        "cublasLtMatmulPreferenceSetAttribute",
        () -> (int) PREFERENCE_SET.invokeExact(preference, attribute, value, bytes));
  }

  private static void setOperation(
      long operation, int attribute, Function<Arena, MemorySegment> value) {
    try (var arena = Arena.ofConfined()) {
      var memory = value.apply(arena);
      var bytes = memory.byteSize();
      call(
          "cublasLtMatmulDescSetAttribute",
          () -> (int) DESCRIPTOR_SET.invokeExact(operation, attribute, memory, bytes));
    }
  }

  private static long created(String function, CudaDriver.OutCall call) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_LONG);
      call(function, () -> call.run(out));
      return NativeLibrary.pointer(out);
    }
  }

  /// Whether a question for algorithms was answered with some, not with "there is none"; throws for
  /// a failure of any other kind.
  private static boolean has(String function, int code) {
    if (code == 0) {
      return true;
    }
    var failure = new CudaException(LIBRARY.name(), function, code, statusText(code));
    if (code != INVALID_VALUE && !failure.isNotSupported()) {
      throw failure;
    }
    return false;
  }

  private static void call(String function, NativeLibrary.Call call) {
    LIBRARY.call(function, call, CublasLt::statusText);
  }

  private static String statusText(int code) {
    return NativeLibrary.text(() -> (MemorySegment) STATUS_TEXT.invokeExact(code));
  }
}
