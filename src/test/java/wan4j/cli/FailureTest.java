package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import wan4j.cuda.bind.CudaException;
import wan4j.tensor.InputException;

/// What users get when a command cannot be finished: exit code 1 and one sentence, and the stack
/// trace only when it is asked for.
final class FailureTest {
  @TempDir Path folder;

  /// A command that does what a test wants.
  @Command(name = "fail")
  private record Failing(Callable<Integer> body) implements Callable<Integer> {
    @Override
    public Integer call() throws Exception {
      return body.call();
    }
  }

  private static Terminal run(Callable<Integer> body) {
    return Terminal.run(() -> {
      CommandLine commands = Main.commands();
      commands.addSubcommand(new Failing(body));
      return Main.run(commands, "fail");
    });
  }

  private static Terminal fail(RuntimeException exception) {
    return run(() -> {
      throw exception;
    });
  }

  private static void assertTold(Terminal run, String... fragments) {
    assertThat(run.code()).as(run.error()).isEqualTo(1);
    assertThat(run.error()).startsWith("wan4j: ").contains(fragments);
    assertThat(run.error().lines()).as("one sentence").hasSize(1);
  }

  @Test
  void pageLockedMemoryThatCannotBeHadIsToldWithTheCure() {
    assertTold(
        fail(
            new CudaException(
                "the NVIDIA driver",
                "cuMemHostAlloc",
                2,
                "CUDA_ERROR_OUT_OF_MEMORY: out of memory")),
        "cuMemHostAlloc failed with 2, CUDA_ERROR_OUT_OF_MEMORY",
        "free memory of this machine",
        "ulimit -l");
  }

  @Test
  void memoryOfTheGpuThatALibraryCannotHaveIsToldWithTheCure() {
    assertTold(
        fail(new CudaException("cuDNN", "cudnnCreate", 4004, "DEVICE_ALLOCATION_FAILED: ")),
        "cudnnCreate failed with 4004",
        "free memory of the GPU");
  }

  @Test
  void whatALibraryDoesNotHaveAndWhatIsMissingAreToldWithTheCure() {
    assertTold(
        fail(
            new CudaException(
                "cuBLASLt", "f", CudaException.UNSUPPORTED, "cuBLASLt 1 has no algorithm for x")),
        "has no algorithm for x; ./wan4j doctor tells which versions");
    Terminal missing =
        fail(
            new CudaException(
                "cuDNN", "f", CudaException.MISSING, "cuDNN was not found; get it with: pip"));
    assertThat(missing.error()).isEqualTo("wan4j: cuDNN was not found; get it with: pip\n");
  }

  @Test
  void aKernelThatDoesNotCompileIsToldInOneLine() {
    assertTold(
        fail(new CudaException("NVRTC", "nvrtcCompileProgram", 6, "COMPILATION:\na.cu(3): error")),
        "nvrtcCompileProgram failed with 6, COMPILATION: a.cu(3): error; ",
        "nvidia-smi");
  }

  @Test
  void aFileThatCannotBeReadIsToldWithTheCure() throws IOException {
    Files.createDirectory(folder.resolve("results.json"));
    assertTold(
        Terminal.run("bench", "report", "--folder", folder.toString()),
        "Is a directory",
        "see that it is there");
    assertTold(
        fail(new UncheckedIOException(new AccessDeniedException("weights"))),
        "the file weights could not be used (no permission); see that it is there");
  }

  private static Terminal fail(Error error) {
    return run(() -> {
      throw error;
    });
  }

  @Test
  void errorsThatInputCanCauseAreToldInOneSentence() {
    assertTold(
        fail(new OutOfMemoryError("Java heap space")), "WAN4J_JAVA_OPTIONS=-Xmx", "--frame_num");
    assertTold(
        fail(new OutOfMemoryError("Cannot reserve 4096 bytes of direct buffer memory")),
        "the memory of this machine ran out");
    assertTold(fail(new OutOfMemoryError("unable to create native thread")), "ulimit -u");
    assertTold(fail(new StackOverflowError()), "nested or repeated more deeply");
    assertTold(fail(new NoClassDefFoundError("a/B")), "a/B", "unpack the bundle again");
    Terminal input = fail(new ExceptionInInitializerError(new InputException("no x; give y")));
    assertThat(input.error()).isEqualTo("wan4j: no x; give y\n");
  }

  @Test
  void whatIsLeftIsToldBehindTheCause() {
    Terminal run = fail(new Unfinished(new InputException("no room; free some"), "it is in a"));
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error()).isEqualTo("wan4j: no room; free some; it is in a\n");
    Terminal bug = fail(new Unfinished(new IllegalStateException("x"), "it is in a"));
    assertThat(bug.code()).isEqualTo(1);
    assertThat(bug.error()).contains("Unfinished: it is in a", "IllegalStateException: x");
  }

  @Test
  void resultsThatCannotBeWrittenAreAnExitCode() {
    Terminal run =
        Terminal.run(() -> {
          System.setOut(
              new PrintStream(
                  new OutputStream() {
                    @Override
                    public void write(int b) throws IOException {
                      throw new IOException("No space left on device");
                    }
                  },
                  false,
                  StandardCharsets.UTF_8));
          return Main.run("--help");
        });
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.error())
        .isEqualTo(
            "wan4j: the results could not be written to standard output; see that its disk has"
                + " room\n");
  }

  @Test
  void theStackTraceIsThereWhenItIsAskedFor() {
    CudaException exception = new CudaException("the NVIDIA driver", "cuInit", 999, "UNKNOWN: x");
    System.setProperty("wan4j.debug", "true");
    try {
      Terminal run = fail(exception);
      assertThat(run.code()).isEqualTo(1);
      assertThat(run.error())
          .startsWith("wan4j: the NVIDIA driver: cuInit failed with 999")
          .contains("\tat ", "wan4j.cli.FailureTest.theStackTrace");
    } finally {
      System.clearProperty("wan4j.debug");
    }
  }

  @Test
  void anErrorOfOurOwnKeepsItsStackTrace() {
    Terminal run = fail(new IllegalStateException("a bug"));
    assertThat(run.code()).isEqualTo(1);
    assertThat(run.error()).contains("java.lang.IllegalStateException: a bug", "\tat ");
  }
}
