package wan4j.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.tensor.InputException;
import wan4j.verify.Verifier.Result;

/// Runs the reference cases that the repository carries; the weights of ckpt/t2v-tiny but its
/// autoencoder are those of the demo, which no case of it looks at.
final class VerifierTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path DEMO = Path.of("demo/checkpoint").toAbsolutePath();

  // its cases need a whole checkpoint, which the repository does not carry
  private static final Set<String> NOT_CARRIED = Set.of("animate-pipeline");

  private static Backend backend;

  @TempDir Path folder;

  @BeforeAll
  static void open() {
    backend = Backend.open(Device.CPU, Arithmetic.FLOAT32);
  }

  @AfterAll
  static void close() {
    backend.close();
  }

  @Test
  void everyCarriedCasePassesAndEveryKindHasOne() {
    Set<String> kinds = new TreeSet<>();
    for (Result result : results(GOLDEN)) {
      assertThat(result).isInstanceOf(Result.Compared.class);
      Result.Compared compared = (Result.Compared) result;
      assertThat(compared.passes()).as("%s", compared).isTrue();
      kinds.add(result.kind());
    }
    assertThat(kinds).doesNotContainAnyElementsOf(NOT_CARRIED);
    kinds.addAll(NOT_CARRIED);
    assertThat(kinds).isEqualTo(new TreeSet<>(Verifier.kinds()));
  }

  @Test
  void aPipelineIsRunInTheDiffusersLayoutTooWhenItIsThere() throws IOException {
    Path root = Files.createDirectories(folder.resolve("a/b/c/d"));
    Files.createDirectory(root.resolve("ckpt"));
    Path demo = Files.createDirectories(folder.resolve("demo/checkpoint"));
    Files.createSymbolicLink(demo.resolve("t2v"), DEMO.resolve("t2v"));
    DiffusersLayout.write(demo.resolve("t2v"), demo.resolve("t2v-diffusers"));
    Path copy = copy("demo/t2v-pipeline", root);
    List<Result> results = results(copy);
    Files.delete(demo.resolve("t2v"));
    assertThat(results).hasSize(1);
    Result.Compared compared = (Result.Compared) results.getFirst();
    assertThat(compared.passes()).as("%s", compared).isTrue();
    assertThat(compared.comparisons())
        .extracting(Comparison::name)
        .contains("out.frames_u8", "out.frames_u8 (diffusers)", "out.video (diffusers)");
  }

  @Test
  void aWrongValueFailsItsCase() throws IOException {
    Path file = copy("metrics/psnr-ssim", folder).resolve("case.json");
    String json = Files.readString(file);
    assertThat(json).contains("26.7949664");
    Files.writeString(file, json.replace("26.7949664", "26.7951664"));
    Result.Compared compared = (Result.Compared) results(folder).getFirst();
    assertThat(compared.passes()).isFalse();
    assertThat(compared.worst().error()).isGreaterThan(compared.worst().tolerance());
  }

  @Test
  void aCaseWithMissingOrCutFilesFailsAndTheOthersAreRun() throws IOException {
    cut(copy("schedulers/unipc-s20-shift5", folder).resolve("case.safetensors"), 1000);
    Files.delete(copy("schedulers/unipc-s30-shift3", folder).resolve("case.safetensors"));
    Files.delete(copy("schedulers/unipc-s40-shift5", folder).resolve("case.json"));
    Files.writeString(copy("schedulers/unipc-s50-shift5", folder).resolve("case.json"), "{\"kind");
    Files.writeString(copy("rng/randn", folder).resolve("case.json"), "{\"kind\": \"rng\"}");
    copy("umt5/b-bytefallback", folder); // without its checkpoint
    copy("schedulers/unipc-s4-shift5", folder);
    List<Result> results = results(folder);
    assertThat(results).hasSize(7);
    assertThat(results.stream().filter(Result.Failed.class::isInstance).map(Result::name))
        .containsExactly(
            "b-bytefallback",
            "unipc-s20-shift5",
            "unipc-s30-shift3",
            "unipc-s40-shift5",
            "unipc-s50-shift5");
    assertThat(results.stream().filter(Result.Failed.class::isInstance))
        .allSatisfy(result -> assertThat(((Result.Failed) result).reason()).doesNotContain("\n"));
  }

  @Test
  void aCaseWithAnyByteChangedNeverStopsTheRun() throws IOException {
    Path copy = copy("schedulers/dpm++-s4-shift5", folder);
    byte[] json = Files.readAllBytes(copy.resolve("case.json"));
    byte[] tensors = Files.readAllBytes(copy.resolve("case.safetensors"));
    Random random = new Random(5);
    int failed = 0;
    for (int round = 0; round < 300; round++) {
      boolean isJson = round % 2 == 0;
      byte[] bytes = (isJson ? json : tensors).clone();
      // all of the description, and the head of the tensors, where names and places are
      bytes[random.nextInt(Math.min(bytes.length, 900))] = (byte) random.nextInt(256);
      Files.write(copy.resolve("case.json"), isJson ? bytes : json);
      Files.write(copy.resolve("case.safetensors"), isJson ? tensors : bytes);
      List<Result> results = results(folder);
      assertThat(results).hasSize(1);
      failed += results.getFirst() instanceof Result.Failed ? 1 : 0;
    }
    assertThat(failed).isBetween(30, 299);
  }

  @Test
  void kindsThatAreNotSupportedAreSkippedByTheirFirstWord() throws IOException {
    Files.createDirectories(folder.resolve("s2v-mod-lips"));
    Files.writeString(folder.resolve("s2v-mod-lips/case.json"), "{\"kind\": \"s2v-mod-lips\"}");
    Files.createDirectories(folder.resolve("animate-img-emb"));
    Files.writeString(folder.resolve("animate-img-emb/case.json"), "{}");
    assertThat(results(folder))
        .allSatisfy(result -> assertThat(result).isInstanceOf(Result.Skipped.class))
        .extracting(Result::kind)
        .containsExactly("animate", "s2v");
  }

  @Test
  void onlyTheKindsThatAreAskedForAreRun() {
    List<Result> results = new ArrayList<>();
    Verifier.run(List.of(GOLDEN), Set.of("metrics", "tokenizer"), backend, results::add);
    assertThat(results)
        .extracting(Result::kind)
        .containsExactly("metrics", "tokenizer", "tokenizer", "tokenizer");
  }

  @Test
  void aFolderWithoutCasesIsRefused() {
    assertThatThrownBy(() -> results(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no reference case");
    assertThatThrownBy(() -> results(folder.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not a folder");
  }

  private static List<Result> results(Path folder) {
    List<Result> results = new ArrayList<>();
    Verifier.run(List.of(folder), Set.of(), backend, results::add);
    return results;
  }

  private static Path copy(String name, Path target) throws IOException {
    Path source = GOLDEN.resolve(name);
    Path copy = Files.createDirectories(target.resolve(source.getFileName()));
    try (Stream<Path> files = Files.list(source)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    return copy;
  }

  private static void cut(Path file, int bytes) throws IOException {
    byte[] all = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(all, all.length - bytes));
  }
}
