package wan4j.cuda.jit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class KernelCacheTest {
  @TempDir Path folder;

  private final AtomicInteger compilations = new AtomicInteger();

  /// A compiler whose cubin tells what it was made of.
  private final class FakeCompiler implements KernelCompiler {
    private final String version;

    FakeCompiler(String version) {
      this.version = version;
    }

    @Override
    public String version() {
      return version;
    }

    @Override
    public byte[] compile(
        String name, String program, Map<String, String> headers, List<String> options) {
      compilations.incrementAndGet();
      assertThat(headers).doesNotContainKey(name);
      return (version + name + program + headers + options).getBytes(StandardCharsets.UTF_8);
    }
  }

  private KernelCache cache() {
    return new KernelCache(new FakeCompiler("one"), folder, false);
  }

  private static KernelSource source(int rows) {
    return KernelSource.of("including.cu", Map.of("ROWS", rows));
  }

  @Test
  void aSourceIsCompiledOnceAndThenFound() {
    var cache = cache();
    var cubin = cache.cubin(source(8));
    assertThat(cache.cubin(source(8))).isEqualTo(cubin);
    assertThat(cache().cubin(source(8))).isEqualTo(cubin);
    assertThat(compilations).hasValue(1);
  }

  @Test
  void aFolderThatTakesNoFileOrGivesNoneCostsACompilation() throws Exception {
    var file = Files.createFile(folder.resolve("file"));
    var nowhere = new KernelCache(new FakeCompiler("one"), file.resolve("kernels"), false);
    var cubin = nowhere.cubin(source(8));
    assertThat(cubin).isEqualTo(cache().cubin(source(8)));
    assertThat(compilations).hasValue(2);
    var unreadable = folder.resolve(nowhere.key(source(9)) + ".cubin");
    Files.createDirectory(unreadable);
    assertThat(cache().cubin(source(9))).isNotEmpty();
    assertThat(compilations).hasValue(3);
  }

  @Test
  void whatIsPreparedIsCompiledBeforeItIsAskedForAndOnce() {
    var cache = cache();
    cache.prepare(source(8));
    cache.prepare(source(8));
    cache.await();
    assertThat(folder.resolve(cache.key(source(8)) + ".cubin")).exists();
    assertThat(cache.cubin(source(8))).isEqualTo(cache().cubin(source(8)));
    assertThat(compilations).hasValue(1);
  }

  @Test
  void aLineNamesAnInstanceAndAWidthItsInstances() {
    Map<String, Object> constants = Map.of("ROWS", 8, "SILU", true);
    assertThat(KernelSource.of("norm.cu ROWS=8 SILU=true"))
        .isEqualTo(KernelSource.of("norm.cu", constants));
    assertThat(KernelSource.ofWidth(5120)).hasSizeGreaterThan(30);
    assertThat(KernelSource.ofWidth(3072)).hasSizeGreaterThan(30);
    assertThat(KernelSource.ofWidth(64)).isEmpty();
  }

  @Test
  void whateverMakesTheCubinMakesTheKey() {
    var keys = new HashSet<String>();
    var cache = cache();
    keys.add(cache.key(source(8)));
    keys.add(cache.key(source(9)));
    keys.add(cache.key(KernelSource.of("first.cuh", Map.of("ROWS", 8))));
    keys.add(
        cache.key(
            new KernelSource(
                "including.cu", new TreeMap<>(Map.of("ROWS", 8)), List.of("--use_fast_math"))));
    keys.add(new KernelCache(new FakeCompiler("two"), folder, false).key(source(8)));
    assertThat(keys).hasSize(5);
    assertThat(cache().key(source(8))).isEqualTo(cache.key(source(8)));
  }

  @Test
  void aDamagedFileIsCompiledAnew() throws Exception {
    var cubin = cache().cubin(source(8));
    var file = folder.resolve(cache().key(source(8)) + ".cubin");
    var bytes = Files.readAllBytes(file);
    bytes[3] ^= 1;
    Files.write(file, bytes);
    assertThat(cache().cubin(source(8))).isEqualTo(cubin);
    assertThat(compilations).hasValue(2);
    Files.write(file, new byte[5]);
    assertThat(cache().cubin(source(8))).isEqualTo(cubin);
    assertThat(compilations).hasValue(3);
    assertThat(cache().cubin(source(8))).isEqualTo(cubin);
    assertThat(compilations).hasValue(3);
  }

  @Test
  void manyThreadsOfManyProcessesLeaveOneWholeFile() throws Exception {
    var shared = cache();
    var work = new ArrayList<Callable<byte[]>>();
    for (var run = 0; run < 64; run++) {
      var other = run % 4 == 0 ? cache() : shared; // a cache of its own is as another process
      work.add(() -> other.cubin(source(8)));
    }
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var done : threads.invokeAll(work)) {
        assertThat(done.get()).isEqualTo(shared.cubin(source(8)));
      }
    }
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(folder.resolve(shared.key(source(8)) + ".cubin"));
    }
    assertThat(cache().cubin(source(8))).isEqualTo(shared.cubin(source(8)));
    assertThat(compilations.get()).isBetween(1, 17);
  }

  @Test
  void keptSourcesAreOneFileBesideTheCubin() throws Exception {
    var cache = new KernelCache(new FakeCompiler("one"), folder, true);
    cache.cubin(source(8));
    assertThat(folder.resolve(cache.key(source(8)) + ".cu"))
        .content()
        .startsWith("constexpr int ROWS = 8;")
        .contains("second.cuh", "int second");
  }

  @Test
  void aCompilerThatFailsLeavesNothing() throws Exception {
    KernelCompiler failing =
        new KernelCompiler() {
          @Override
          public String version() {
            return "failing";
          }

          @Override
          public byte[] compile(
              String name, String program, Map<String, String> headers, List<String> options) {
            throw new IllegalStateException("line 3: no");
          }
        };
    assertThatThrownBy(() -> new KernelCache(failing, folder, true).cubin(source(8)))
        .hasMessage("line 3: no");
    try (var files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void callersCannotSpoilWhatIsCached() {
    var cache = cache();
    cache.cubin(source(8))[0] = 'X';
    assertThat(cache.cubin(source(8))[0]).isEqualTo((byte) 'o');
  }

  @Test
  void processesThatCompileTheSameKernelAtOnceLeaveOneWholeFile() throws Exception {
    var cubins = Files.createDirectory(folder.resolve("cubins"));
    var meeting = Files.createDirectory(folder.resolve("meeting"));
    var classPath = String.join(File.pathSeparator, home(KernelCache.class), home(getClass()));
    var processes = new ArrayList<Process>();
    for (var name : List.of("first", "second")) {
      processes.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  classPath,
                  CompilingProcess.class.getName(),
                  cubins.toString(),
                  meeting.toString(),
                  "2")
              .redirectOutput(folder.resolve(name).toFile())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start());
    }
    for (var process : processes) {
      assertThat(process.waitFor()).isZero();
    }
    var printed = Files.readAllBytes(folder.resolve("first"));
    assertThat(printed).startsWith("cubin of".getBytes(StandardCharsets.UTF_8));
    assertThat(Files.readAllBytes(folder.resolve("second"))).isEqualTo(printed);
    try (var meetings = Files.list(meeting);
        var files = Files.list(cubins)) {
      assertThat(meetings).as("both compiled").hasSize(2);
      assertThat(files).singleElement().asString().endsWith(".cubin");
    }
    assertThat(new KernelCache(new FakeCompiler("one"), cubins, false).cubin(source(8)))
        .isEqualTo(printed);
    assertThat(compilations).as("the file is whole").hasValue(0);
  }

  /// Returns where a class was loaded from.
  private static String home(Class<?> type) throws Exception {
    var home = Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    var tests = home.resolveSibling("test-classes");
    // the tests are patched into the module, whose own place both then name
    return type.getName().endsWith("Test") && Files.exists(tests)
        ? tests.toString()
        : home.toString();
  }
}
