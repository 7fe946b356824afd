internal import Foundation
internal import NIOCore
internal import Synchronization
internal import VaultDB

/// The text of `INFO`: sections of `name:value` lines, as Redis' tools read them.
struct ServerInformation {
    private typealias Line = (name: String, value: String)
    private let state: ServerState
    /// Of the token of who asks; nil where none is needed.
    private let organization: UUID?
    private static let system = ProcessInfo.processInfo.operatingSystemVersionString

    init(_ state: ServerState, for organization: UUID?) {
        self.state = state
        self.organization = organization
    }

    /// - Parameter sections: as words in lower case; none, `all`, `default` and `everything` stand for all.
    func text(sections wanted: [String]) throws(VaultError) -> String {
        var all: [(name: String, lines: () throws(VaultError) -> [Line])] = [
            ("Server", server), ("Clients", clients), ("Memory", memory), ("Stats", stats),
            ("Replication", replication), ("Vault", vault), ("Tables", tables), ("Writer", writer),
            ("Access", access), ("Limits", limits), ("Commandstats", commands), ("Latencystats", latencies),
        ]
        // Less what the token's organization has, they would tell how many people the others know.
        if organization != nil { all.removeAll { $0.name == "Tables" } }
        let isAll = wanted.isEmpty || wanted.contains { ["all", "default", "everything"].contains($0) }
        var text = ""
        for (name, lines) in all where isAll || wanted.contains(name.lowercased()) {
            if !text.isEmpty { text += "\r\n" }
            text += "# \(name)\r\n"
            for line in try lines() { text += "\(line.name):\(line.value)\r\n" }
        }
        return text
    }

    private func server() -> [Line] {
        let seconds = (NIODeadline.now() - state.startedAt).nanoseconds / 1_000_000_000
        return [
            ("vaultdb_version", ServerVersion.text), ("server_mode", "standalone"),
            ("redis_mode", "standalone"), ("os", Self.system),
            ("process_id", String(ProcessInfo.processInfo.processIdentifier)),
            ("listening", state.address.withLock(\.self)),
            ("tcp_port", state.port),
            ("io_threads_active", String(state.loopCount)), ("uptime_in_seconds", String(seconds)),
            ("durability", state.durability.rawValue), ("tls", state.configuration.security == nil ? "no" : "yes"),
        ]
    }

    private func clients() -> [Line] {
        [
            ("connected_clients", String(state.clients.count)), ("maxclients", String(state.limits.connectionsMax)),
            ("http_connections", String(state.httpMetrics.connectionCount)),
            ("blocked_clients", String(state.waiters.load(ordering: .relaxed))),
            ("pending_work", String(state.work.pending.load(ordering: .relaxed))),
            ("pending_walks", String(state.walks.pending.load(ordering: .relaxed))),
        ]
    }

    private func memory() -> [Line] {
        guard let memory = ProcessMemory.current else { return [] }
        return [
            ("used_memory", String(memory.residentBytes - memory.fileBytes)),
            ("used_memory_rss", String(memory.residentBytes)),
        ]
    }

    /// Some of Redis' clients and balancers use no server but one that says so.
    private func replication() -> [Line] { [("role", "master"), ("connected_slaves", "0")] }

    private func stats() -> [Line] {
        let metrics = state.metrics
        let processed = state.table.commands.indices.reduce(0) { $0 + metrics.summary(of: $1).latency.count }
        return [
            ("total_connections_received", String(state.clients.acceptedCount.load(ordering: .relaxed))),
            ("rejected_connections", String(state.clients.refusedCount.load(ordering: .relaxed))),
            ("total_commands_processed", String(processed)),
            ("total_batches", String(metrics.sum { $0.batches.load(ordering: .relaxed) })),
            ("total_net_input_bytes", String(metrics.sum { $0.bytesRead.load(ordering: .relaxed) })),
            ("total_net_output_bytes", String(metrics.sum { $0.bytesWritten.load(ordering: .relaxed) })),
            ("resolve_matched", String(metrics.sum { $0.matched.load(ordering: .relaxed) })),
            ("resolve_created", String(state.vault.createdCount)),
            ("resolve_conflicts", String(metrics.sum { $0.conflicts.load(ordering: .relaxed) })),
            ("busy_replies", String(metrics.busyCount.load(ordering: .relaxed))),
            ("protocol_errors", String(metrics.protocolFaultCount.load(ordering: .relaxed))),
            ("output_overruns", String(metrics.outputOverrunCount.load(ordering: .relaxed))),
            ("slowlog_len", String(state.slowLog.entries(of: organization).count)),
        ]
    }

    private func vault() throws(VaultError) -> [Line] {
        let statistics = try state.vault.statistics()
        let used = statistics.bytesInUse
        let share = Double(used) / Double(max(state.vault.bytesMax, 1)) * 100
        let cache = state.vault.cacheCounts
        let spellings = state.vault.spellingCacheCounts
        return [
            ("vault_file_bytes", String(statistics.fileBytes)), ("vault_map_bytes", String(statistics.mapBytes)),
            ("vault_used_bytes", String(used)), ("vault_bytes_max", String(state.vault.bytesMax)),
            ("vault_used_percent", String(format: "%.2f", share)),
            ("vault_free_pages", String(statistics.pagesFree)), ("vault_last_commit", String(statistics.lastCommit)),
            ("vault_entries_buffered", String(statistics.entriesBuffered)),
            ("vault_log_bytes", String(state.vault.logBytes)),
            ("vault_readers", String(statistics.readers)), ("vault_readers_max", String(statistics.readersMax)),
            ("vault_oldest_reader_lag", String(statistics.oldestReaderLag)),
            ("cache_bytes", String(cache.bytes)), ("cache_bytes_max", String(cache.bytesMax)),
            ("cache_misses", String(cache.missed)), ("cache_emptied", String(cache.emptied)),
            ("phone_cache_hits", String(spellings.hits)), ("phone_cache_misses", String(spellings.misses)),
        ]
    }

    private func tables() throws(VaultError) -> [Line] {
        try state.vault.statistics().tables.map { name, table in
            (
                "table_\(name)",
                "entries=\(table.entries),depth=\(table.depth),pages=\(table.pages),bytes=\(table.bytes)"
            )
        }
    }

    private func writer() -> [Line] {
        let writer = state.vault.writerStatistics
        let size = Double(writer.writes) / Double(max(writer.commits, 1))
        return [
            ("writer_commits", String(writer.commits)), ("writer_writes", String(writer.writes)),
            ("writer_group_size", String(format: "%.2f", size)), ("writer_group_max", String(writer.groupMax)),
            ("writer_queue", String(writer.pending)),
            ("writer_oldest_wait_seconds", String(writer.oldestWait.components.seconds)),
            ("pending_writes", String(state.pendingWrites.load(ordering: .relaxed))),
        ]
    }

    private func access() -> [Line] {
        [
            ("tokens_required", state.access.isProtected ? "yes" : "no"), ("tokens", String(state.access.tokenCount)),
            ("tokens_refused", String(state.metrics.failedLoginCount.load(ordering: .relaxed))),
        ]
    }

    private func limits() -> [Line] {
        let shy = RequestLimits.unauthenticated
        return ServerLimits.named.map { name, path in
            (name.replacing("-", with: "_"), String(state.limits[keyPath: path]))
        } + [
            ("unauthenticated_argument_bytes_max", String(shy.argumentBytesMax)),
            ("unauthenticated_arguments_max", String(shy.argumentsMax)),
            ("unauthenticated_inline_bytes_max", String(shy.inlineBytesMax)),
            ("unauthenticated_request_bytes_max", String(shy.requestBytesMax)),
        ]
    }

    private func commands() -> [Line] {
        used.map { name, summary in
            let microseconds = summary.latency.sumNanoseconds / 1_000
            let each = Double(microseconds) / Double(max(summary.latency.count, 1))
            return (
                "cmdstat_\(name)",
                "calls=\(summary.latency.count),usec=\(microseconds),usec_per_call=\(String(format: "%.2f", each)),"
                    + "rejected_calls=0,failed_calls=\(summary.errors)"
            )
        }
    }

    private func latencies() -> [Line] {
        used.map { name, summary in
            let shares = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)].map { label, share in
                "\(label)=\(String(format: "%.3f", summary.latency.microseconds(atShare: share)))"
            }
            return ("latency_percentiles_usec_\(name)", shares.joined(separator: ","))
        }
    }

    private var used: [(name: String, summary: ServerMetrics.CommandSummary)] {
        state.table.commands.enumerated().compactMap { index, command in
            let summary = state.metrics.summary(of: index)
            return summary.latency.count > 0 ? (command.name, summary) : nil
        }
    }
}
