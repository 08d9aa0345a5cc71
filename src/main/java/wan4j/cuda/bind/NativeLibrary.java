package wan4j.cuda.bind;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/// One loaded C library, or the sentence that says why there is none.
@SuppressWarnings("restricted")
final class NativeLibrary {
  private final String name;
  private final SymbolLookup symbols;
  private final Path path;
  private final String missing;
  private final Source source;

  private NativeLibrary(
      String name, SymbolLookup symbols, Path path, String missing, Source source) {
    this.name = name;
    this.symbols = symbols;
    this.path = path;
    this.missing = missing;
    this.source = source;
  }

  /// What is known of a library before it is found.
  ///
  /// @param files its file names, best first
  /// @param least the least version that wan4j runs with
  /// @param cure the command that gets the library or a newer one
  record Source(List<String> files, String least, String cure) {
    /// Copies the list.
    Source {
      files = List.copyOf(files);
    }
  }

  /// Loads the first of a source's files that is found: in `chosen` folders, on the loader path,
  /// then in `usual` folders.
  static NativeLibrary load(String name, Source source, List<Path> chosen, List<Path> usual) {
    var refused = new ArrayList<String>();
    for (var folder : chosen) {
      for (var file : source.files) {
        var library = open(name, source, folder.resolve(file), refused);
        if (library != null) {
          return library;
        }
      }
    }
    for (var file : source.files) {
      try {
        var symbols = SymbolLookup.libraryLookup(file, Arena.global());
        return new NativeLibrary(name, symbols, mapped(file), null, source);
      } catch (IllegalArgumentException e) {
        // Not on the loader path: the usual folders come next.
      }
      for (var folder : usual) {
        var library = open(name, source, folder.resolve(file), refused);
        if (library != null) {
          return library;
        }
      }
    }
    var why =
        refused.isEmpty()
            ? "was not found (" + String.join(" or ", source.files) + ")"
            : "did not load (" + String.join("; ", refused) + ")";
    var sentence = name + " " + why + "; get it with: " + source.cure;
    return new NativeLibrary(name, null, null, sentence, source);
  }

  private static NativeLibrary open(String name, Source source, Path file, List<String> refused) {
    if (!Files.exists(file)) {
      return null;
    }
    try {
      var symbols = SymbolLookup.libraryLookup(file, Arena.global());
      return new NativeLibrary(name, symbols, file, null, source);
    } catch (IllegalArgumentException e) {
      refused.add(file + ": " + e.getMessage());
      return null;
    }
  }

  /// The same once the libraries beside it whose names match a pattern are loaded too, as far as
  /// they can be.
  NativeLibrary withNeighbours(String pattern) {
    if (path != null && path.getParent() != null) {
      try (var neighbours = Files.newDirectoryStream(path.getParent(), pattern)) {
        neighbours.forEach(file -> open(name, source, file, new ArrayList<>()));
      } catch (IOException e) {
        // The library itself will tell what it misses.
      }
    }
    return this;
  }

  /// Where the loader found `file`, as the process's own memory map tells.
  private static Path mapped(String file) {
    try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
      var stem = file.contains(".so") ? file.substring(0, file.indexOf(".so") + 3) : file;
      return lines
          .filter(line -> line.contains("/" + stem))
          .map(line -> Path.of(line.substring(line.indexOf('/'))))
          .findFirst()
          .orElse(Path.of(file));
    } catch (IOException e) {
      return Path.of(file);
    }
  }

  String name() {
    return name;
  }

  boolean isLoaded() {
    return missing == null;
  }

  /// Where the library was loaded from, or null when it is missing.
  Path path() {
    return path;
  }

  /// The one sentence that says what is missing and how to get it, or null.
  String missing() {
    return missing;
  }

  /// The sentence that says that this library is older than the least version.
  String tooOld() {
    return "%s is older than %s, the least that wan4j runs with; get it with: %s"
        .formatted(name, source.least, source.cure);
  }

  /// The sentence that says in which way this library does not suit the machine, `why`, and how to
  /// get one that does.
  String unsuitable(String why) {
    return "%s at %s %s; get it with: %s".formatted(name, path, why, source.cure);
  }

  /// Whether the loaded library exports `function`.
  boolean has(String function) {
    return symbols != null && symbols.find(function).isPresent();
  }

  /// A handle of a C function; where the library or the function is missing, one that says so.
  MethodHandle function(String function, MemoryLayout result, MemoryLayout... parameters) {
    return procedure(function, FunctionDescriptor.of(result, parameters));
  }

  /// The same for any signature, also one that returns nothing.
  MethodHandle procedure(String function, FunctionDescriptor descriptor) {
    if (symbols != null) {
      var address = symbols.find(function);
      if (address.isPresent()) {
        return Linker.nativeLinker().downcallHandle(address.get(), descriptor);
      }
    }
    var text =
        missing != null
            ? missing
            : "%s at %s is too old: it has no %s; wan4j needs %s or newer, get it with: %s"
                .formatted(name, path, function, source.least, source.cure);
    return failing(descriptor.toMethodType(), name, function, text);
  }

  private static MethodHandle failing(
      MethodType type, String library, String function, String text) {
    try {
      var constructor =
          MethodHandles.lookup()
              .findConstructor(
                  CudaException.class,
                  MethodType.methodType(
                      void.class, String.class, String.class, int.class, String.class));
      var made =
          MethodHandles.insertArguments(
              constructor, 0, library, function, CudaException.MISSING, text);
      var thrower = MethodHandles.throwException(type.returnType(), CudaException.class);
      var bare = MethodHandles.foldArguments(thrower, made);
      return MethodHandles.dropArguments(bare, 0, type.parameterList());
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("the constructor of CudaException was not found", e);
    }
  }

  /// Runs one call and turns a status other than zero into a [CudaException].
  void call(String function, Call call, IntFunction<String> text) {
    var code = status(call);
    if (code != 0) {
      throw new CudaException(name, function, code, text.apply(code));
    }
  }

  /// Runs one call that answers with a plain number.
  static int status(Call call) {
    try {
      return call.run();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /// Runs one call that answers with a C string.
  static String text(TextCall call) {
    try {
      var address = call.run();
      return address.equals(MemorySegment.NULL)
          ? ""
          : address.reinterpret(Long.MAX_VALUE).getString(0);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /// Reads a pointer that a C function wrote at the start of `out`, as a number.
  static long pointer(MemorySegment out) {
    return out.get(ValueLayout.JAVA_LONG, 0);
  }

  /// A native call that answers with a status code.
  @FunctionalInterface
  interface Call {
    int run() throws Throwable;
  }

  /// A native call that answers with the address of a C string.
  @FunctionalInterface
  interface TextCall {
    MemorySegment run() throws Throwable;
  }
}
