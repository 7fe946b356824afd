internal import Foundation
internal import HTTPTypes
internal import Synchronization
internal import VaultDB

/// What the server counts, in Prometheus' text format (version 0.0.4).
struct PrometheusText {
    private let state: ServerState
    /// Upper bounds of what is told of latencies, in nanoseconds: the histogram's own that are next to powers of ten, for only
    /// of its own can it tell exactly what is within.
    static let bounds: [Double] = [10_240, 98_304, 1_048_576, 10_485_760, 100_663_296, 1_073_741_824, 10_737_418_240]

    private typealias Sample = (name: String, type: String, help: String, value: Int)

    init(_ state: ServerState) { self.state = state }

    func text() throws(VaultError) -> String {
        let started = Int(state.startDate.timeIntervalSince1970)
        var text = commandText() + httpText()
        text += Self.line("process_start_time_seconds", "gauge", "When it began, in seconds since 1970.", started)
        let samples = try [connections, answers, writer, cache, file()]
        for (name, type, help, value) in samples.joined() { text += Self.line("vaultdb_\(name)", type, help, value) }
        return text
    }

    private var connections: [Sample] {
        let (clients, metrics) = (state.clients, state.metrics)
        let accepted = clients.acceptedCount.load(ordering: .relaxed)
        let refused = clients.refusedCount.load(ordering: .relaxed)
        let waiters = state.waiters.load(ordering: .relaxed)
        let received = metrics.sum { $0.bytesRead.load(ordering: .relaxed) }
        let sent = metrics.sum { $0.bytesWritten.load(ordering: .relaxed) }
        let overruns = metrics.outputOverrunCount.load(ordering: .relaxed)
        let faults = metrics.protocolFaultCount.load(ordering: .relaxed)
        return [
            ("connections", "gauge", "Open connections of Redis' protocol.", clients.count),
            ("http_connections", "gauge", "Open connections of HTTP.", state.httpMetrics.connectionCount),
            ("connections_blocked", "gauge", "Connections that wait for changes.", waiters),
            ("connections_accepted_total", "counter", "Connections accepted.", accepted),
            ("connections_refused_total", "counter", "Connections refused because there were too many.", refused),
            ("received_bytes_total", "counter", "Bytes of commands.", received),
            ("sent_bytes_total", "counter", "Bytes of replies.", sent),
            ("output_overruns_total", "counter", "Connections ended because they took no replies.", overruns),
            ("protocol_errors_total", "counter", "Connections ended by a protocol error.", faults),
        ]
    }

    private var answers: [Sample] {
        let metrics = state.metrics
        let created = state.vault.createdCount
        let matched = metrics.sum { $0.matched.load(ordering: .relaxed) }
        let conflicts = metrics.sum { $0.conflicts.load(ordering: .relaxed) }
        let batches = metrics.sum { $0.batches.load(ordering: .relaxed) }
        let busy = metrics.busyCount.load(ordering: .relaxed)
        let refused = metrics.failedLoginCount.load(ordering: .relaxed)
        let work = state.work.pending.load(ordering: .relaxed)
        let walks = state.walks.pending.load(ordering: .relaxed)
        return [
            ("batches_total", "counter", "Times when commands of a connection were begun.", batches),
            ("resolve_matched_total", "counter", "RESOLVE commands that found somebody.", matched),
            ("resolve_created_total", "counter", "Resolves that created an identity, by whatever call.", created),
            ("resolve_conflicts_total", "counter", "Conflicts that RESOLVE commands told of.", conflicts),
            ("busy_total", "counter", "Replies that said busy, over HTTP too.", busy),
            ("tokens", "gauge", "Tokens of the vault.", state.access.tokenCount),
            ("tokens_refused_total", "counter", "Tokens shown that were none.", refused),
            ("work_pending", "gauge", "Long reads and rare writes that run or wait.", work),
            ("walks_pending", "gauge", "Walks over an organization that run or wait.", walks),
            ("slowlog_entries", "gauge", "Commands in the slow log.", state.slowLog.entries().count),
        ]
    }

    private var writer: [Sample] {
        let writer = state.vault.writerStatistics
        let oldestWait = Int(writer.oldestWait.components.seconds)
        let pending = state.pendingWrites.load(ordering: .relaxed)
        return [
            ("writer_commits_total", "counter", "Commits of the writer.", writer.commits),
            ("writer_writes_total", "counter", "Writes in those commits.", writer.writes),
            ("writer_group_max", "gauge", "Writes of the largest commit.", writer.groupMax),
            ("writer_queue", "gauge", "Writes waiting for the writer.", writer.pending),
            ("writer_oldest_wait_seconds", "gauge", "How long the oldest of them waits.", oldestWait),
            ("writes_pending", "gauge", "Writes handed in and not answered yet.", pending),
        ]
    }

    private var cache: [Sample] {
        let cache = state.vault.cacheCounts
        let phones = state.vault.spellingCacheCounts
        return [
            ("cache_bytes", "gauge", "Memory in use for people that were asked for.", cache.bytes),
            ("cache_bytes_max", "gauge", "The most memory for them.", cache.bytesMax),
            ("cache_misses_total", "counter", "Entries read from the file and not from memory.", cache.missed),
            ("cache_emptied_total", "counter", "Times when all of that memory was forgotten.", cache.emptied),
            ("phone_cache_hits_total", "counter", "Spellings of phones that were known.", phones.hits),
            ("phone_cache_misses_total", "counter", "Spellings of phones that were not.", phones.misses),
        ]
    }

    private func file() throws(VaultError) -> [Sample] {
        let file = try state.vault.statistics()
        return [
            ("readers", "gauge", "Reader slots taken, over all processes.", file.readers),
            ("readers_max", "gauge", "Reader slots that there are.", file.readersMax),
            ("oldest_reader_lag", "gauge", "Commits that the oldest reader lags behind.", file.oldestReaderLag),
            ("entries_buffered", "gauge", "New entries of tables that are not sorted in yet.", file.entriesBuffered),
            ("log_bytes", "gauge", "Bytes of the write-ahead log that are not written back yet.", state.vault.logBytes),
            ("vault_last_commit", "gauge", "The number of the last commit.", file.lastCommit),
            ("vault_file_bytes", "gauge", "Size of the file.", file.fileBytes),
            ("vault_used_bytes", "gauge", "Bytes of the file's pages but for free ones.", file.bytesInUse),
            ("vault_free_bytes", "gauge", "Bytes of the file's free pages.", file.pagesFree * file.pageBytes),
            ("vault_map_bytes", "gauge", "Address space reserved for the file.", file.mapBytes),
            ("vault_bytes_max", "gauge", "The largest size of the file.", Int(clamping: state.vault.bytesMax)),
        ]
    }

    private func commandText() -> String {
        var latencies = "# HELP vaultdb_command_seconds How long commands took.\n"
        latencies += "# TYPE vaultdb_command_seconds histogram\n"
        var errors = "# HELP vaultdb_command_errors_total Commands answered with an error.\n"
        errors += "# TYPE vaultdb_command_errors_total counter\n"
        for (index, command) in state.table.commands.enumerated() {
            let summary = state.metrics.summary(of: index)
            guard summary.latency.count > 0 else { continue }
            let label = "command=\"\(command.name)\""
            latencies += Self.histogram("vaultdb_command_seconds", label, summary.latency)
            errors += "vaultdb_command_errors_total{\(label)} \(summary.errors)\n"
        }
        return latencies + errors
    }

    private func httpText() -> String {
        var text = "# HELP vaultdb_http_request_seconds How long requests over HTTP took.\n"
        text += "# TYPE vaultdb_http_request_seconds histogram\n"
        for route in state.httpMetrics.all {
            var latency = LatencyHistogram.Summary()
            latency.add(route.latency)
            guard latency.count > 0 else { continue }
            let label = "method=\"\(route.method.rawValue)\",path=\"\(route.path)\""
            text += Self.histogram("vaultdb_http_request_seconds", label, latency)
        }
        text += "# HELP vaultdb_http_responses_total Responses over HTTP, by the first digit of their status.\n"
        text += "# TYPE vaultdb_http_responses_total counter\n"
        for digit in 1...5 {
            text += "vaultdb_http_responses_total{status=\"\(digit)xx\"} \(state.httpMetrics.count(ofStatus: digit))\n"
        }
        return text
    }

    private static func line(_ name: String, _ type: String, _ help: String, _ value: Int) -> String {
        "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name) \(value)\n"
    }

    private static func histogram(_ name: String, _ label: String, _ latency: LatencyHistogram.Summary) -> String {
        var text = ""
        for bound in bounds {
            text += "\(name)_bucket{\(label),le=\"\(bound / 1e9)\"} \(latency.count(within: bound))\n"
        }
        text += "\(name)_bucket{\(label),le=\"+Inf\"} \(latency.count)\n"
        text += "\(name)_sum{\(label)} \(Double(latency.sumNanoseconds) / 1e9)\n"
        return text + "\(name)_count{\(label)} \(latency.count)\n"
    }
}
