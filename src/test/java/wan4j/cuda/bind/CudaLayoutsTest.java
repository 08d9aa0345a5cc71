package wan4j.cuda.bind;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Struct layouts and enum numbers against what a C compiler makes of the headers.
final class CudaLayoutsTest {
  private static final List<Path> HEADERS =
      List.of(Path.of("/usr/local/cuda/include"), Path.of("/usr/local/cuda-13.0/include"));

  @TempDir Path folder;

  @Test
  void structsOfTheDriverAreLaidOutAsInCuda() throws Exception {
    var facts = compiled("cuda.h", driverProgram());
    assertLayout(facts, CudaLayouts.LAUNCH_CONFIG);
    assertLayout(facts, CudaLayouts.LAUNCH_ATTRIBUTE);
    assertLayout(facts, CudaLayouts.TENSOR_MAP);
    assertThat(CudaLayouts.TENSOR_MAP.byteAlignment() % facts.get("alignof(CUtensorMap)")).isZero();
    for (var element : TensorMap.Element.values()) {
      assertThat(facts)
          .containsEntry(
              "CU_TENSOR_MAP_DATA_TYPE_"
                  + (element == TensorMap.Element.BYTE ? "UINT8" : element.name()),
              (long) element.code);
    }
    assertThat(facts).containsEntry("CU_TENSOR_MAP_SWIZZLE_128B", 3L);
    assertThat(facts).containsEntry("CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION", 4L);
  }

  @Test
  void matmulElementsHaveTheNumbersOfCuda() throws Exception {
    var facts =
        compiled(
            "library_types.h",
            """
            SAY(CUDA_R_32F) SAY(CUDA_R_16F) SAY(CUDA_R_16BF) SAY(CUDA_R_8F_E4M3)
            """);
    assertThat(facts)
        .containsEntry("CUDA_R_32F", (long) MatmulDescription.Element.FLOAT32.code)
        .containsEntry("CUDA_R_16F", (long) MatmulDescription.Element.FLOAT16.code)
        .containsEntry("CUDA_R_16BF", (long) MatmulDescription.Element.BFLOAT16.code)
        .containsEntry("CUDA_R_8F_E4M3", (long) MatmulDescription.Element.FLOAT8_E4M3.code);
  }

  @Test
  void structsOfCublasLtAreLaidOutAsInItsHeader() throws Exception {
    var facts =
        compiled(
            "cublasLt.h",
            """
            SIZE(cublasLtMatmulAlgo_t) OFFSET(cublasLtMatmulAlgo_t, data)
            SIZE(cublasLtMatmulHeuristicResult_t)
            OFFSET(cublasLtMatmulHeuristicResult_t, algo)
            OFFSET(cublasLtMatmulHeuristicResult_t, workspaceSize)
            OFFSET(cublasLtMatmulHeuristicResult_t, state)
            OFFSET(cublasLtMatmulHeuristicResult_t, wavesCount)
            OFFSET(cublasLtMatmulHeuristicResult_t, reserved)
            """);
    assertLayout(facts, CudaLayouts.MATMUL_ALGORITHM);
    assertLayout(facts, CudaLayouts.MATMUL_HEURISTIC);
  }

  @Test
  void theNameOfACommunicatorIsLaidOutAsInNccl() throws Exception {
    var facts = compiled("nccl.h", "SIZE(ncclUniqueId) OFFSET(ncclUniqueId, internal)");
    assertLayout(facts, CudaLayouts.UNIQUE_ID);
  }

  /// The structs of libraries whose headers are seldom there, written out in C as the headers have
  /// them (NVIDIA's cublasLt.h 13.1 and nccl.h 2.27, read through their public bindings).
  @Test
  void structsOfTheLibrariesAreLaidOutAsCLaysOutTheirFields() throws Exception {
    var facts =
        compiled(
            "stddef.h",
            """
            typedef struct { unsigned long long data[8]; } cublasLtMatmulAlgo_t;
            typedef struct {
              cublasLtMatmulAlgo_t algo;
              size_t workspaceSize;
              int state;
              float wavesCount;
              int reserved[4];
            } cublasLtMatmulHeuristicResult_t;
            typedef struct { char internal[128]; } ncclUniqueId;
            SIZE(cublasLtMatmulAlgo_t) OFFSET(cublasLtMatmulAlgo_t, data)
            SIZE(cublasLtMatmulHeuristicResult_t)
            OFFSET(cublasLtMatmulHeuristicResult_t, algo)
            OFFSET(cublasLtMatmulHeuristicResult_t, workspaceSize)
            OFFSET(cublasLtMatmulHeuristicResult_t, state)
            OFFSET(cublasLtMatmulHeuristicResult_t, wavesCount)
            OFFSET(cublasLtMatmulHeuristicResult_t, reserved)
            SIZE(ncclUniqueId) OFFSET(ncclUniqueId, internal)
            """);
    assertLayout(facts, CudaLayouts.MATMUL_ALGORITHM);
    assertLayout(facts, CudaLayouts.MATMUL_HEURISTIC);
    assertLayout(facts, CudaLayouts.UNIQUE_ID);
  }

  private static String driverProgram() {
    var text = new StringBuilder();
    for (var layout :
        List.of(CudaLayouts.LAUNCH_CONFIG, CudaLayouts.LAUNCH_ATTRIBUTE, CudaLayouts.TENSOR_MAP)) {
      text.append("SIZE(").append(name(layout)).append(")\n");
      fields(layout)
          .forEach(field -> text.append("OFFSET(%s, %s)\n".formatted(name(layout), field)));
    }
    return text.append("printf(\"alignof(CUtensorMap) %zu\\n\", _Alignof(CUtensorMap));\n")
        .append("SAY(CU_TENSOR_MAP_DATA_TYPE_UINT8) SAY(CU_TENSOR_MAP_DATA_TYPE_FLOAT32)\n")
        .append("SAY(CU_TENSOR_MAP_DATA_TYPE_BFLOAT16) SAY(CU_TENSOR_MAP_SWIZZLE_128B)\n")
        .append("SAY(CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)\n")
        .toString();
  }

  private static void assertLayout(Map<String, Long> facts, StructLayout layout) {
    assertThat(facts).containsEntry("sizeof(" + name(layout) + ")", layout.byteSize());
    for (var field : fields(layout)) {
      assertThat(facts)
          .containsEntry(name(layout) + "." + field, CudaLayouts.offset(layout, field));
    }
  }

  private static String name(StructLayout layout) {
    return layout.name().orElseThrow();
  }

  private static List<String> fields(StructLayout layout) {
    return layout.memberLayouts().stream()
        .map(MemoryLayout::name)
        .flatMap(Optional::stream)
        .toList();
  }

  /// Compiles a program of SAY, SIZE and OFFSET lines with the header and reads what it prints.
  private Map<String, Long> compiled(String header, String body)
      throws IOException, InterruptedException {
    var include =
        header.equals("stddef.h")
            ? Path.of("/")
            : HEADERS.stream()
                .filter(path -> Files.exists(path.resolve(header)))
                .findFirst()
                .orElseGet(() -> abort("no " + header + " on this machine"));
    var source = folder.resolve("facts.c");
    Files.writeString(
        source,
        """
        #include <stdio.h>
        #include <stddef.h>
        #include <%s>
        #define SAY(name) printf("%%s %%lld\\n", #name, (long long)(name));
        #define SIZE(type) printf("sizeof(%%s) %%zu\\n", #type, sizeof(type));
        #define OFFSET(type, field) printf("%%s.%%s %%zu\\n", #type, #field, offsetof(type, field));
        int main(void) {
        %s
        return 0; }
        """
            .formatted(header, body));
    var program = folder.resolve("facts");
    output("gcc", "-w", "-I", include.toString(), source.toString(), "-o", program.toString());
    var facts = new TreeMap<String, Long>();
    for (var line : output(program.toString()).lines().toList()) {
      var space = line.lastIndexOf(' ');
      facts.put(line.substring(0, space), Long.valueOf(line.substring(space + 1)));
    }
    return facts;
  }

  private static String output(String... command) throws IOException, InterruptedException {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      return abort(command[0] + " is not on the path: " + e.getMessage());
    }
    var text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    return text;
  }
}
