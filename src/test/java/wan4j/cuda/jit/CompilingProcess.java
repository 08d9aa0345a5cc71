package wan4j.cuda.jit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A process that asks a cache for one kernel and whose compiler waits until as many processes as
/// are told compile it, so that none finds another's file: `FOLDER MEETING COUNT`. It prints the
/// cubin.
final class CompilingProcess {
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

  private CompilingProcess() {}

  /// A compiler that meets others in a folder.
  private record MeetingCompiler(Path meeting, int count) implements KernelCompiler {
    @Override
    public String version() {
      return "one";
    }

    @Override
    public byte[] compile(
        String name, String program, Map<String, String> headers, List<String> options) {
      try {
        Files.createFile(meeting.resolve("process-" + ProcessHandle.current().pid()));
        long start = System.nanoTime();
        while (present() < count) {
          if (System.nanoTime() - start > PATIENCE) {
            throw new IllegalStateException("the other processes did not come to compile");
          }
          Thread.sleep(1);
        }
        return "cubin of ".concat(program.repeat(10_000)).getBytes(StandardCharsets.UTF_8);
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    private long present() throws IOException {
      try (Stream<Path> files = Files.list(meeting)) {
        return files.count();
      }
    }
  }

  /// Compiles.
  public static void main(String[] arguments) {
    KernelCompiler compiler =
        new MeetingCompiler(Path.of(arguments[1]), Integer.parseInt(arguments[2]));
    KernelCache cache = new KernelCache(compiler, Path.of(arguments[0]), false);
    byte[] cubin = cache.cubin(KernelSource.of("including.cu", Map.of("ROWS", 8)));
    System.out.write(cubin, 0, cubin.length);
    System.out.flush();
  }
}
