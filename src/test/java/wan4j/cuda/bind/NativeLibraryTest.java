package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
    return load(List.of("libthing.so.13"), chosen, usual);
  }

  private static NativeLibrary load(List<String> files, List<Path> chosen, List<Path> usual) {
    return NativeLibrary.load(
        "Thing", new NativeLibrary.Source(files, "13.1", CURE), chosen, usual);
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
        .hasMessageContaining(
            "is too old: it has no thingNew; wan4j needs 13.1 or newer, get it with: " + CURE);
    assertThat(library.tooOld())
        .isEqualTo(
            "Thing is older than 13.1, the least that wan4j runs with; get it with: " + CURE);
  }

  @Test
  void theOlderGenerationServesWhereTheNewerIsMissing() throws Exception {
    var twelve = build("older", "libthing.so.12", "int thingDo(int x) { return x + 12; }");
    var thirteen = build("newer", "libthing.so.13", "int thingDo(int x) { return x + 13; }");
    var files = NativeLibraries.generations("libthing.so", 13_000);
    var older = load(files, List.of(), List.of(twelve));
    assertThat(older.path()).isEqualTo(twelve.resolve("libthing.so.12"));
    assertThat(answer(older)).isEqualTo(12);
    assertThat(answer(load(files, List.of(), List.of(twelve, thirteen)))).isEqualTo(13);
    // what the user names wins, whatever its generation
    assertThat(answer(load(files, List.of(twelve), List.of(thirteen)))).isEqualTo(12);
  }

  @Test
  void aDriverOfTheOlderGenerationIsGivenNoNewerLibrary() throws Exception {
    var thirteen = build("newer", "libthing.so.13", "int thingDo(int x) { return x; }");
    var files = NativeLibraries.generations("libthing.so", 12_080);
    assertThat(load(files, List.of(), List.of(thirteen)).missing())
        .isEqualTo("Thing was not found (libthing.so.12); get it with: " + CURE);
  }

  @Test
  void aNewerLibraryThatDoesNotLoadLeavesTheOlderOne() throws Exception {
    var both = build("both", "libthing.so.12", "int thingDo(int x) { return x + 12; }");
    Files.writeString(both.resolve("libthing.so.13"), "not an ELF file");
    var files = NativeLibraries.generations("libthing.so", 13_000);
    assertThat(answer(load(files, List.of(), List.of(both)))).isEqualTo(12);
  }

  @Test
  void whatALibraryOpensByItsBareNameIsFoundBesideIt() throws Exception {
    var code =
        """
        #include <dlfcn.h>
        int thingDo(int x) { return dlopen("libthing-parts.so.7", RTLD_NOW) ? x + 1 : x; }
        """;
    var folder = build("parts", "libthing.so.13", code);
    var alone = load(List.of(), List.of(folder));
    assertThat(answer(alone)).isZero();
    build("parts", "libthing-parts.so.7", "int part(void) { return 1; }");
    assertThat(answer(alone.withNeighbours("libthing-parts.so.*"))).isOne();
  }

  private static int answer(NativeLibrary library) {
    var handle = library.function("thingDo", JAVA_INT, JAVA_INT);
    return NativeLibrary.status(() -> (int) handle.invokeExact(0));
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
    return build(name, "libthing.so.13", code);
  }

  private Path build(String name, String file, String code) throws Exception {
    var target = made(name);
    var source = Files.writeString(target.resolve("thing.c"), code);
    assumeTrue(Files.exists(Path.of("/usr/bin/gcc")), "needs gcc");
    var process =
        new ProcessBuilder(
                "gcc",
                "-shared",
                "-fPIC",
                "-Wl,-z,noexecstack",
                // by its name a library is known to the whole process: only where a test wants that
                "-Wl,-soname," + (file.contains("parts") ? file : target.resolve(file)),
                source.toString(),
                "-o",
                target.resolve(file).toString())
            .inheritIO()
            .start();
    assertThat(process.waitFor()).isZero();
    return target;
  }
}
