package wan4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What programs can use of the module.
final class DoorTest {
  private static final String PROGRAM =
      """
      import java.nio.file.Path;
      import java.util.List;
      import wan4j.*;
      import wan4j.media.*;
      import wan4j.tensor.*;

      class Program {
        public static void main(String[] arguments) {
          var options = new EngineOptions(Path.of("checkpoint"), Device.preferred(), true, false);
          var request =
              VideoRequest.of("", VideoSize.of("64*64", 5), Sampling.of(Task.TI2V_5B, 1))
                  .withImage(PictureReader.read(Path.of("picture.png")))
                  .withLoras(List.of())
                  .withCache(CacheSettings.MagCache.DEFAULT);
          long bytes = VideoEngine.need(options, request).bytes();
          try (VideoEngine engine = VideoEngine.open(options)) {
            Latents latents = engine.sample(request, Progress.NONE);
            FrameBuffer frames = new FrameBuffer();
            engine.decode(request, latents, frames, Progress.NONE);
            Tensor whole = frames.frames();
            VideoWriter.write(whole, Path.of("video.mp4"), VideoSettings.silent(16));
          } catch (InputException e) {
            System.err.println(e.getMessage());
          }
          Inspection.of(Path.of("checkpoint")).lines().forEach(System.out::println);
        }
      }
      """;

  @TempDir Path folder;

  @Test
  void aProgramMakesVideosWithWhatTheModuleExports() throws Exception {
    assertThat(compile(PROGRAM)).isEmpty();
  }

  /// The page of the Java API shows one whole program.
  @Test
  void theProgramOfTheDocumentationCompiles() throws Exception {
    Matcher program =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("docs/java.md")));
    assertThat(program.find()).isTrue();
    assertThat(compile(program.group(1))).isEmpty();
    assertThat(program.find()).as("a second program").isFalse();
  }

  @Test
  void theRootPackageStaysSmall() throws Exception {
    try (Stream<Path> files = Files.list(Path.of("src/main/java/wan4j"))) {
      assertThat(files.filter(Files::isRegularFile)).hasSizeLessThanOrEqualTo(25);
    }
  }

  @Test
  void whatServesTheModuleAloneIsHidden() throws Exception {
    assertThat(compile("class Program { wan4j.files.PendingFile file; wan4j.ops.Ops ops; }"))
        .contains("package wan4j.files is not visible", "package wan4j.ops is not visible");
  }

  /// Compiles a program of a module of its own and returns what the compiler has against it.
  private String compile(String program) throws Exception {
    Path classes =
        Path.of(VideoEngine.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path module =
        Files.writeString(folder.resolve("module-info.java"), "module program { requires wan4j; }");
    Path source = Files.writeString(folder.resolve("Program.java"), program);
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    String others = System.getProperty("jdk.module.path", System.getProperty("java.class.path"));
    int code =
        ToolProvider.findFirst("javac")
            .orElseThrow()
            .run(
                out,
                out,
                "-d",
                folder.resolve("classes").toString(),
                "--module-path",
                classes + File.pathSeparator + others,
                module.toString(),
                source.toString());
    return code == 0 ? "" : said.toString();
  }
}
