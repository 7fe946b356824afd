import Foundation
import Glibc

/// A running server: a few threads drive all connections, each with requests under way up to the pipeline.
struct ServerTarget: BenchTarget {
    let address: ServerAddress
    let organization: String

    var name: String { "server \(address.name)" }

    func workers(for plan: BenchPlan) -> Int { min(plan.threads, plan.connections) }

    func worker(_ plan: BenchPlan, _ choices: [(connection: Int, choice: BenchChoice)]) throws -> Worker {
        var lanes: [Lane] = []
        for (connection, choice) in choices {
            lanes.append(
                Lane(try address.connect(), choice, connection: connection, plan: plan, organization: organization))
        }
        return Worker(lanes: lanes, plan: plan, name: address.name)
    }

    struct Worker: BenchWorker {
        let lanes: [Lane]
        let plan: BenchPlan
        let name: String

        mutating func work(_ phase: BenchPhase) throws -> BenchTally {
            var tally = BenchTally()
            for lane in lanes { lane.begin(phase) }
            var lastAnswer = Clock.nanoseconds
            while true {
                let now = Clock.nanoseconds
                var underWay = 0
                var due = UInt64.max
                for lane in lanes {
                    try lane.ask(phase, at: now)
                    underWay += lane.underWay
                    due = min(due, lane.nextDue ?? .max)
                }
                if phase.isOver(at: now) {
                    if underWay == 0 { break }
                    due = .max
                }
                let before = tally.operations
                try wait(until: min(due, phase.end > now ? phase.end : .max), now, phase, &tally)
                if tally.operations > before { lastAnswer = Clock.nanoseconds }
                guard underWay == 0 || now < lastAnswer + UInt64(ServerConnection.patienceMilliseconds) * 1_000_000
                else { throw Failure(.failed, "\(name) does not answer any more", advice: "see the server's log") }
            }
            if phase.end != .max, !Interruption.isWished {
                tally.unsent = lanes.reduce(0) { $0 + $1.unsent(before: phase.end) }
            }
            return tally
        }

        /// Waits for answers and takes them, until a request is due.
        private func wait(
            until due: UInt64, _ now: UInt64, _ phase: BenchPhase, _ tally: inout BenchTally
        ) throws(Failure) {
            var looks = lanes.map { $0.look }
            let rest = due > now ? due - now : 0
            // Whole milliseconds are the system's; what is shorter is waited for by looking.
            let milliseconds = rest <= BenchPause.spinNanoseconds ? 0 : min(rest / 1_000_000, 100)
            guard poll(&looks, nfds_t(looks.count), Int32(milliseconds)) > 0 else { return }
            for (lane, look) in zip(lanes, looks) where look.revents & ~Int16(POLLOUT) != 0 {
                phase.finish(try lane.take(&tally))
            }
        }
    }

    /// One connection's requests and what they wait for.
    final class Lane {
        private let connection: ServerConnection
        private let number: Int
        private let plan: BenchPlan
        private let organization: String
        private var choice: BenchChoice
        private var schedule: BenchSchedule
        /// When those under way began, the oldest first.
        private var starts: [UInt64] = []
        private var answered = 0

        init(
            _ connection: ServerConnection, _ choice: BenchChoice, connection number: Int, plan: BenchPlan,
            organization: String
        ) {
            self.connection = connection
            self.choice = choice
            self.number = number
            self.plan = plan
            self.organization = organization
            schedule = BenchSchedule(plan, from: 0, connection: number)
        }

        var underWay: Int { starts.count - answered }
        /// Nil where the next request has to wait for an answer first.
        var nextDue: UInt64? { underWay < plan.pipeline ? schedule.due : nil }
        var look: pollfd {
            let events = (underWay > 0 ? Int16(POLLIN) : 0) | (connection.hasOutput ? Int16(POLLOUT) : 0)
            return pollfd(fd: connection.descriptor, events: events, revents: 0)
        }

        func begin(_ phase: BenchPhase) { schedule = BenchSchedule(plan, from: phase.start, connection: number) }

        func unsent(before end: UInt64) -> Int { schedule.unsent(before: end) }

        /// Sends what is due. In a closed loop that is a whole pipeline when the one before is answered.
        func ask(_ phase: BenchPhase, at now: UInt64) throws(Failure) {
            if schedule.due != nil || underWay == 0 {
                while underWay < plan.pipeline, (schedule.due ?? now) <= now, phase.begins(at: now) {
                    starts.append(schedule.due ?? now)
                    schedule.begin()
                    connection.add(words(for: choice.next()))
                }
            }
            try connection.flush()
        }

        /// Takes the answers that are there.
        /// - Returns: how many.
        func take(_ tally: inout BenchTally) throws(Failure) -> Int {
            try connection.receive()
            let now = Clock.nanoseconds
            let before = answered
            while underWay > 0, let reply = try connection.nextReply() {
                tally.add(BenchAnswer(reply), from: starts[answered], to: now)
                answered += 1
            }
            let count = answered - before
            if answered == starts.count || answered >= 1_024 {
                starts.removeFirst(answered)
                answered = 0
            }
            return count
        }

        private func words(for operation: BenchOperation) -> [String] {
            switch operation {
            case .findEmail(let email): return ["FIND", organization, "EMAIL", email]
            case .findPhone(let phone): return ["FIND", organization, "PHONE", phone]
            case .resolve(let email, let phone, let name):
                var words = ["RESOLVE", organization]
                if let email { words += ["EMAIL", email] }
                if let phone { words += ["PHONE", phone] }
                if let name { words += ["NAME", name] }
                return words + (plan.allowsWrites ? ["SOURCE", "bench"] : ["DRYRUN"])
            }
        }
    }
}

extension BenchAnswer {
    fileprivate init(_ reply: RESPText.Reply) {
        switch reply {
        case .value: self = .found
        case .null: self = .missing
        case .error(let message): self = .failed(message)
        }
    }
}
