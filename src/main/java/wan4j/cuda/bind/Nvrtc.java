package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Map;

/// NVRTC, the run-time compiler: CUDA C++ text in, a cubin out. Needs no GPU.
public final class Nvrtc {
  private static final NativeLibrary LIBRARY = NativeLibraries.NVRTC;

  private static final MethodHandle ERROR =
      LIBRARY.function("nvrtcGetErrorString", ADDRESS, JAVA_INT);
  private static final MethodHandle VERSION =
      LIBRARY.function("nvrtcVersion", JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle CREATE =
      LIBRARY.function(
          "nvrtcCreateProgram", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle DESTROY =
      LIBRARY.function("nvrtcDestroyProgram", JAVA_INT, ADDRESS);
  private static final MethodHandle COMPILE =
      LIBRARY.function("nvrtcCompileProgram", JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS);
  private static final MethodHandle CUBIN_SIZE =
      LIBRARY.function("nvrtcGetCUBINSize", JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle CUBIN =
      LIBRARY.function("nvrtcGetCUBIN", JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle LOG_SIZE =
      LIBRARY.function("nvrtcGetProgramLogSize", JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle LOG =
      LIBRARY.function("nvrtcGetProgramLog", JAVA_INT, JAVA_LONG, ADDRESS);

  private Nvrtc() {}

  /// Whether NVRTC was found.
  public static boolean isPresent() {
    return LIBRARY.isLoaded();
  }

  /// The compiler's version, for example "13.0".
  public static String version() {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_INT, 2);
      var minor = out.asSlice(4);
      call("nvrtcVersion", () -> (int) VERSION.invokeExact(out, minor));
      return out.get(JAVA_INT, 0) + "." + out.get(JAVA_INT, 4);
    }
  }

  /// Compiles `source` for the options' architecture; `headers` are texts by the names that
  /// `#include` uses, so that no folder is searched. A program that does not compile is a
  /// [CudaException] whose text is the compiler's log.
  public static byte[] compile(
      String name, String source, Map<String, String> headers, List<String> options) {
    try (var arena = Arena.ofConfined()) {
      var names = arena.allocate(ADDRESS, Math.max(1, headers.size()));
      var texts = arena.allocate(ADDRESS, Math.max(1, headers.size()));
      var index = 0;
      for (var header : headers.entrySet()) {
        names.setAtIndex(ADDRESS, index, arena.allocateFrom(header.getKey()));
        texts.setAtIndex(ADDRESS, index++, arena.allocateFrom(header.getValue()));
      }
      var out = arena.allocate(ADDRESS);
      var text = arena.allocateFrom(source);
      var label = arena.allocateFrom(name);
      var count = headers.size();
      call(
          "nvrtcCreateProgram",
          () -> (int) CREATE.invokeExact(out, text, label, count, texts, names));
      try {
        return compile(arena, NativeLibrary.pointer(out), options);
      } finally {
        call("nvrtcDestroyProgram", () -> (int) DESTROY.invokeExact(out));
      }
    }
  }

  private static byte[] compile(Arena arena, long program, List<String> options) {
    var flags = arena.allocate(ADDRESS, Math.max(1, options.size()));
    for (var index = 0; index < options.size(); index++) {
      flags.setAtIndex(ADDRESS, index, arena.allocateFrom(options.get(index)));
    }
    var count = options.size();
    var code = NativeLibrary.status(() -> (int) COMPILE.invokeExact(program, count, flags));
    if (code != 0) {
      var log =
          bytes(arena, program, "nvrtcGetProgramLogSize", LOG_SIZE, "nvrtcGetProgramLog", LOG)
              .getString(0);
      throw new CudaException(
          LIBRARY.name(), "nvrtcCompileProgram", code, errorText(code) + ":\n" + log.strip());
    }
    return bytes(arena, program, "nvrtcGetCUBINSize", CUBIN_SIZE, "nvrtcGetCUBIN", CUBIN)
        .toArray(JAVA_BYTE);
  }

  private static MemorySegment bytes(
      Arena arena,
      long program,
      String sizeFunction,
      MethodHandle size,
      String function,
      MethodHandle get) {
    var out = arena.allocate(JAVA_LONG);
    call(sizeFunction, () -> (int) size.invokeExact(program, out));
    var bytes = arena.allocate(Math.max(1, NativeLibrary.pointer(out)));
    call(function, () -> (int) get.invokeExact(program, bytes));
    return bytes;
  }

  private static void call(String function, NativeLibrary.Call call) {
    LIBRARY.call(function, call, Nvrtc::errorText);
  }

  private static String errorText(int code) {
    return NativeLibrary.text(() -> (MemorySegment) ERROR.invokeExact(code));
  }
}
