package wan4j.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/// OpenBLAS's matrix product, one thread a call: the callers split the work, so that what follows a
/// product runs on the same thread while its tile is in the cache.
@SuppressWarnings("restricted") // the one class of this package that calls foreign functions
final class OpenBlas implements Gemm {
  private static final int ROW_MAJOR = 101;
  private static final int PLAIN = 111;
  private static final int TRANSPOSED = 112;

  private static final System.Logger LOG = System.getLogger("wan4j.cpu");
  private static final String SLOWER = "matrix products are about four times slower without it";
  private static final MethodHandle SGEMM = load();

  /// Says whether the library is there.
  static boolean isPresent() {
    return SGEMM != null;
  }

  @Override
  public void multiply(
      boolean isTransposed,
      int rows,
      int columns,
      int depth,
      float alpha,
      Matrix a,
      Matrix b,
      float beta,
      Matrix c) {
    try {
      SGEMM.invokeExact(
          ROW_MAJOR,
          PLAIN,
          isTransposed ? TRANSPOSED : PLAIN,
          rows,
          columns,
          depth,
          alpha,
          a.segment(),
          a.stride(),
          b.segment(),
          b.stride(),
          beta,
          c.segment(),
          c.stride());
    } catch (Throwable unexpected) {
      throw new IllegalStateException("cblas_sgemm could not be called", unexpected);
    }
  }

  private static MethodHandle load() {
    try {
      SymbolLookup library = null;
      for (Path file : OpenBlasFiles.extract()) {
        library = SymbolLookup.libraryLookup(file, Arena.global()); // the last one is OpenBLAS
      }
      if (library == null) {
        LOG.log(System.Logger.Level.DEBUG, "there is no OpenBLAS for this machine: " + SLOWER);
        return null;
      }
      Linker linker = Linker.nativeLinker();
      linker
          .downcallHandle(
              library.findOrThrow("openblas_set_num_threads"), FunctionDescriptor.ofVoid(JAVA_INT))
          .invokeExact(1);
      MemoryLayout[] arguments = {
        JAVA_INT,
        JAVA_INT,
        JAVA_INT,
        JAVA_INT,
        JAVA_INT,
        JAVA_INT,
        JAVA_FLOAT,
        ADDRESS,
        JAVA_INT,
        ADDRESS,
        JAVA_INT,
        JAVA_FLOAT,
        ADDRESS,
        JAVA_INT
      };
      return linker.downcallHandle(
          library.findOrThrow("cblas_sgemm"), FunctionDescriptor.ofVoid(arguments));
    } catch (IOException | RuntimeException missing) {
      LOG.log(
          System.Logger.Level.WARNING,
          "OpenBLAS cannot be loaded (%s): %s".formatted(missing.getMessage(), SLOWER));
      return null;
    } catch (Throwable unexpected) {
      throw new IllegalStateException("openblas_set_num_threads could not be called", unexpected);
    }
  }
}
