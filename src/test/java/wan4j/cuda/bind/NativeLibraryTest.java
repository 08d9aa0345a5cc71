package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class NativeLibraryTest {
  private static final String CURE = "pip install thing";

  @TempDir Path folder;

  private NativeLibrary load(List<Path> chosen, List<Path> usual) {
    return NativeLibrary.load("Thing", List.of("libthing.so.13"), chosen, usual, CURE);
  }

  @Test
  void aMissingLibraryIsASentenceWithItsCure() {
    var library = load(List.of(folder), List.of());
    assertThat(library.isLoaded()).isFalse();
    assertThat(library.missing())
        .isEqualTo("Thing was not found (libthing.so.13); get it with: pip install thing");
  }

  @Test
  void aFunctionOfAMissingLibrarySaysSoWhenItIsCalled() {
    var handle = load(List.of(), List.of()).function("thingDo", JAVA_INT, JAVA_INT);
    assertThatThrownBy(() -> NativeLibrary.status(() -> (int) handle.invokeExact(1)))
        .isInstanceOfSatisfying(
            CudaException.class,
            failure -> {
              assertThat(failure)
                  .hasMessageContaining("Thing was not found")
                  .hasMessageContaining(CURE);
              assertThat(failure.library()).isEqualTo("Thing");
              assertThat(failure.function()).isEqualTo("thingDo");
              assertThat(failure.code()).isEqualTo(CudaException.MISSING);
            });
  }

  @Test
  void aFileThatIsNoLibraryIsNamed() throws Exception {
    Files.writeString(folder.resolve("libthing.so.13"), "not an ELF file");
    assertThat(load(List.of(), List.of(folder)).missing())
        .contains("did not load")
        .contains(folder.resolve("libthing.so.13").toString())
        .contains(CURE);
  }

  @Test
  void aChosenFolderWinsOverTheUsualOnes() throws Exception {
    var chosen = build("chosen", "int thingDo(int x) { return x; }");
    var usual = build("usual", "int thingDo(int x) { return x; }");
    var library = load(List.of(chosen), List.of(usual));
    assertThat(library.path()).isEqualTo(chosen.resolve("libthing.so.13"));
    assertThat(load(List.of(), List.of(usual)).path()).isEqualTo(usual.resolve("libthing.so.13"));
  }

  @Test
  void aStatusOtherThanZeroIsAnExceptionWithTheLibrarysText() throws Exception {
    var library = load(List.of(build("x", "int thingDo(int x) { return x; }")), List.of());
    var handle = library.function("thingDo", JAVA_INT, JAVA_INT);
    library.call("thingDo", () -> (int) handle.invokeExact(0), code -> "unused");
    assertThatThrownBy(() ->
            library.call("thingDo", () -> (int) handle.invokeExact(7), code -> "text of " + code))
        .isInstanceOf(CudaException.class)
        .hasMessage("Thing: thingDo failed with 7, text of 7");
  }

  @Test
  void aLibraryWithoutTheFunctionIsTooOld() throws Exception {
    var library = load(List.of(build("x", "int thingDo(int x) { return x; }")), List.of());
    assertThat(library.has("thingDo")).isTrue();
    assertThat(library.has("thingNew")).isFalse();
    var handle = library.function("thingNew", JAVA_INT);
    assertThatThrownBy(() -> NativeLibrary.status(() -> (int) handle.invokeExact()))
        .hasMessageContaining("is too old: it has no thingNew");
  }

  @Test
  void foldersOfToolkitsAndOfPythonPackagesAreSearched() throws Exception {
    var toolkit = made("usr/local/cuda-13.0/lib64");
    var older = made("usr/local/cuda-12.9/lib64");
    var virtual = made("opt/torch/.venv/lib/python3.12/site-packages/nvidia/cu13/lib");
    var system = made("usr/lib/python3/dist-packages/nvidia/nccl/lib");
    var shell = made("home/me/env/lib/python3.11/site-packages/nvidia/cudnn/lib");
    Files.createDirectories(folder.resolve("home/me/env/bin"));
    Files.createFile(folder.resolve("home/me/env/bin/python3"));
    var found =
        LibraryLocations.usual(
            folder, Map.of("PATH", "/nowhere:" + folder.resolve("home/me/env/bin")));
    assertThat(found).contains(toolkit, older, virtual, system, shell);
    assertThat(found.indexOf(toolkit)).isLessThan(found.indexOf(older));
  }

  @Test
  void thePathOfTheUserNamesFoldersOrInstallations() throws Exception {
    var lib = made("cuda/lib64");
    var plain = made("plain");
    var found =
        LibraryLocations.chosen(
            Map.of("WAN4J_CUDA_PATH", folder.resolve("cuda") + ":" + plain + ":/nowhere"));
    assertThat(found).containsSubsequence(folder.resolve("cuda"), lib, plain).hasSize(3);
    assertThat(LibraryLocations.chosen(Map.of())).isEmpty();
  }

  private Path made(String path) throws Exception {
    return Files.createDirectories(folder.resolve(path));
  }

  private Path build(String name, String code) throws Exception {
    var target = made(name);
    var source = Files.writeString(target.resolve("thing.c"), code);
    assumeThat(Path.of("/usr/bin/gcc")).as("needs gcc").exists();
    var process =
        new ProcessBuilder(
                "gcc",
                "-shared",
                "-fPIC",
                "-Wl,-z,noexecstack",
                source.toString(),
                "-o",
                target.resolve("libthing.so.13").toString())
            .inheritIO()
            .start();
    assertThat(process.waitFor()).isZero();
    return target;
  }
}
