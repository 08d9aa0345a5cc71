package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ConvertCommandTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {"Float8CurrentScaling", "DelayedScaling", "Float8BlockScaling", "PerTokenScaling"})
  void aConvertedCheckpointGivesTheVideoOfQuantisingOnLoad(String recipe) throws IOException {
    Path out = folder.resolve("fp8");
    Terminal run =
        Terminal.run(
            "convert",
            Terminal.TEXT_TO_VIDEO.toString(),
            "--device",
            "cpu",
            "--fp8_recipe",
            recipe,
            "--fp8_skip",
            "blocks.0,blocks.*.ffn.2",
            "--out",
            out.toString());
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error())
        .contains("high-noise expert", "low-noise expert", "other files")
        .contains("in FP8 (" + recipe + ")");
    Path stored = folder.resolve("stored.mkv");
    Path quantised = folder.resolve("quantised.mkv");
    Path plain = folder.resolve("plain.mkv");
    generate(out, stored);
    generate(
        Terminal.TEXT_TO_VIDEO,
        quantised,
        "--quantize",
        "--fp8_recipe",
        recipe,
        "--fp8_skip",
        "blocks.0,blocks.*.ffn.2");
    generate(out, plain, "--quantize", "False");
    assertThat(Files.mismatch(stored, quantised)).isEqualTo(-1);
    assertThat(Files.mismatch(stored, plain)).isNotEqualTo(-1);
  }

  @Test
  void withoutANameTheStoredRecipeStaysAndAnotherIsAnnounced() throws IOException {
    Path out = folder.resolve("fp8");
    Terminal converted =
        Terminal.run(
            "convert",
            Terminal.TEXT_TO_VIDEO.toString(),
            "--device",
            "cpu",
            "--out",
            out.toString());
    assertThat(converted.error()).contains("in FP8 (PerTokenScaling)");
    Path stored = folder.resolve("stored.mkv");
    Path unnamed = folder.resolve("unnamed.mkv");
    Path skipped = folder.resolve("skipped.mkv");
    Path plain = folder.resolve("plain.mkv");
    generate(out, stored);
    generate(out, plain, "--quantize", "False");
    Terminal same = Terminal.generate(out, unnamed, "--quantize");
    assertThat(same.error()).doesNotContain("quantised again");
    assertThat(Files.mismatch(stored, unnamed)).isEqualTo(-1);
    Terminal other =
        Terminal.generate(
            out, folder.resolve("other.mkv"), "--quantize", "--fp8_recipe", "Float8CurrentScaling");
    assertThat(other.code()).isZero();
    assertThat(other.error().lines())
        .filteredOn(line -> line.contains("quantised again as Float8CurrentScaling"))
        .hasSize(2);
    assertThat(Files.mismatch(stored, plain)).isNotEqualTo(-1);
    generate(out, skipped, "--fp8_skip", "blocks.0");
    assertThat(Files.mismatch(skipped, stored)).isNotEqualTo(-1);
    Terminal none = Terminal.generate(out, folder.resolve("none.mkv"), "--fp8_skip", "blocks");
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.error()).contains("--fp8_skip got blocks, which leaves no layer in FP8");
  }

  private static void generate(Path checkpoint, Path target, String... more) {
    Terminal run = Terminal.generate(checkpoint, target, more);
    assertThat(run.code()).as(run.error()).isZero();
  }

  @Test
  void aDamagedFileIsOneSentence() throws IOException {
    Path out = folder.resolve("fp8");
    Terminal.run(
        "convert",
        Terminal.TEXT_IMAGE_TO_VIDEO.toString(),
        "--device",
        "cpu",
        "-q",
        "--out",
        out.toString());
    Path file = out.resolve("diffusion_pytorch_model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    Terminal run = Terminal.generate(out, folder.resolve("out.mkv"));
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error().strip().lines()).hasSize(1);
    assertThat(run.error()).contains(file.toString()).contains("complete safetensors file");
  }

  /// Returns a copy of a small checkpoint with a large file beside its own.
  private Path withLargeFile() throws IOException {
    Path source = folder.resolve("source");
    try (Stream<Path> files = Files.walk(Terminal.TEXT_IMAGE_TO_VIDEO)) {
      for (Path file : files.toList()) {
        Files.copy(file, source.resolve(Terminal.TEXT_IMAGE_TO_VIDEO.relativize(file).toString()));
      }
    }
    Files.write(source.resolve("large.bin"), new byte[17 << 20]);
    return source;
  }

  @Test
  void largeFilesThatStayAsTheyAreAreLinked() throws IOException {
    Path source = withLargeFile();
    Path large = source.resolve("large.bin");
    Path out = folder.resolve("fp8");
    Terminal run =
        Terminal.run(
            "convert", source.toString(), "--device", "cpu", "--link", "--out", out.toString());
    assertThat(run.code()).as(run.error()).isZero();
    assertThat(run.error()).contains("17 MB are linked");
    assertThat(Files.isSameFile(out.resolve("large.bin"), large)).isTrue();
    assertThat(Files.isSameFile(out.resolve("config.json"), source.resolve("config.json")))
        .isFalse();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void onAnotherFileSystemTheyAreLinkedByTheirNameOrCopied(boolean isLinked) throws IOException {
    Path memory = Path.of("/dev/shm");
    assumeTrue(
        Files.isWritable(memory) && !Files.getFileStore(memory).equals(Files.getFileStore(folder)),
        "there is no second file system to write to");
    Path source = withLargeFile();
    Path other = Files.createTempDirectory(memory, "convert");
    Path out = other.resolve("fp8");
    try {
      List<String> words =
          new ArrayList<>(
              List.of("convert", source.toString(), "--device", "cpu", "--out", out.toString()));
      if (isLinked) {
        words.add("--link");
      }
      Terminal run = Terminal.run(words.toArray(String[]::new));
      assertThat(run.code()).as(run.error()).isZero();
      Path large = out.resolve("large.bin");
      assertThat(Files.isSymbolicLink(large)).isEqualTo(isLinked);
      assertThat(Files.mismatch(large, source.resolve("large.bin"))).isEqualTo(-1);
      assertThat(run.error()).contains(isLinked ? ", 17 MB are linked" : ", 0 MB are linked");
    } finally {
      try (Stream<Path> files = Files.walk(other)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  @Test
  void aFolderIsAsked() {
    Terminal run = Terminal.run("convert", Terminal.TEXT_TO_VIDEO.toString());
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error()).contains("--out");
  }
}
