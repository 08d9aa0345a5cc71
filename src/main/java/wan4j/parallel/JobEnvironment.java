package wan4j.parallel;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import wan4j.tensor.InputException;

/// What a launcher (torchrun, Slurm, MPI, Kubernetes) tells a process of the job that it is part
/// of, in the variables that PyTorch's launchers set.
///
/// @param rank this process among all, from 0
/// @param ranks how many processes there are
/// @param localRank this process among those of its host, which is the number of its GPU
/// @param localRanks how many processes this host has, or 0 where that was not told
/// @param host where rank 0 runs
/// @param port where rank 0 listens
/// @param secret what proves that a process belongs to the job, or null
public record JobEnvironment(
    int rank, int ranks, int localRank, int localRanks, String host, int port, String secret) {
  private static final String RANK = "RANK";
  private static final String WORLD_SIZE = "WORLD_SIZE";
  private static final String LOCAL_RANK = "LOCAL_RANK";
  private static final String LOCAL_WORLD_SIZE = "LOCAL_WORLD_SIZE";
  private static final String MASTER_ADDR = "MASTER_ADDR";
  private static final String MASTER_PORT = "MASTER_PORT";
  static final String PORT = "WAN4J_PORT";
  static final String SECRET = "WAN4J_JOB_SECRET";
  private static final List<String> NEEDED = List.of(RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR);
  private static final int MOST_RANKS = 1024;
  private static final int MOST_PORT = 65_535;
  private static final int SHORTEST_SECRET = 16;

  /// Reads the variables of a process; returns null where they name no job: neither `RANK` nor
  /// `WORLD_SIZE` is set. Throws `InputException` for missing, wrong or contradicting values.
  public static JobEnvironment of(Map<String, String> variables) {
    if (!isSet(variables, RANK) && !isSet(variables, WORLD_SIZE)) {
      return null;
    }
    List<String> missing = new ArrayList<>();
    NEEDED.stream().filter(name -> !isSet(variables, name)).forEach(missing::add);
    if (!isSet(variables, PORT) && !isSet(variables, MASTER_PORT)) {
      missing.add(MASTER_PORT);
    }
    if (!missing.isEmpty()) {
      throw new InputException(
          "this process is part of a job (%s is set), but %s is not set; have the launcher set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, or unset RANK and WORLD_SIZE"
              .formatted(
                  isSet(variables, RANK) ? RANK : WORLD_SIZE, String.join(" and ", missing)));
    }
    int ranks = number(variables, WORLD_SIZE, 1, MOST_RANKS);
    int rank = number(variables, RANK, 0, MOST_RANKS - 1);
    int localRank = number(variables, LOCAL_RANK, 0, MOST_RANKS - 1);
    int localRanks =
        isSet(variables, LOCAL_WORLD_SIZE) ? number(variables, LOCAL_WORLD_SIZE, 1, MOST_RANKS) : 0;
    requireLess(RANK, rank, WORLD_SIZE, ranks);
    requireLess(LOCAL_RANK, localRank, WORLD_SIZE, ranks);
    if (localRanks > 0) {
      requireLess(LOCAL_RANK, localRank, LOCAL_WORLD_SIZE, localRanks);
      if (localRanks > ranks) {
        throw new InputException(
            "LOCAL_WORLD_SIZE is %d and WORLD_SIZE %d; expected no more ranks on a host than in the job: correct the launcher's variables"
                .formatted(localRanks, ranks));
      }
    }
    return new JobEnvironment(
        rank,
        ranks,
        localRank,
        localRanks,
        variables.get(MASTER_ADDR).strip(),
        port(variables),
        secret(variables));
  }

  private static int port(Map<String, String> variables) {
    // a launcher such as torchrun may hold MASTER_PORT itself
    return isSet(variables, PORT)
        ? number(variables, PORT, 1, MOST_PORT)
        : number(variables, MASTER_PORT, 1, MOST_PORT - 1) + 1;
  }

  private static String secret(Map<String, String> variables) {
    if (!isSet(variables, SECRET)) {
      return null;
    }
    String secret = variables.get(SECRET);
    if (secret.length() < SHORTEST_SECRET) {
      throw new InputException(
          "%s has %d characters; expected %d or more: give all ranks the same, such as the output of openssl rand -hex 32"
              .formatted(SECRET, secret.length(), SHORTEST_SECRET));
    }
    return secret;
  }

  private static boolean isSet(Map<String, String> variables, String name) {
    return !variables.getOrDefault(name, "").isBlank();
  }

  private static int number(Map<String, String> variables, String name, int least, int most) {
    String value = variables.get(name).strip();
    try {
      int number = Integer.parseInt(value);
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new InputException(
        "%s is \"%s\"; expected a whole number from %d to %d: correct the launcher's variables"
            .formatted(
                name, value.length() > 20 ? value.substring(0, 20) + "…" : value, least, most));
  }

  private static void requireLess(String name, int value, String limit, int most) {
    if (value >= most) {
      throw new InputException(
          "%s is %d and %s %d; expected a number below it: correct the launcher's variables"
              .formatted(name, value, limit, most));
    }
  }

  /// Leaves the secret out.
  @Override
  public String toString() {
    return "rank %d of %d, %s:%d".formatted(rank, ranks, host, port);
  }
}
