// The sessions of browsers: how long they last, and how many there may be.

import Foundation
import NIOCore
import Testing

@testable import VaultServer

@Suite("Sessions") struct SessionsTests {
    private static let organization = UUID()
    private static let start = NIODeadline.uptimeNanoseconds(1)

    private static func begin(_ sessions: Sessions, hour: Int64) -> String {
        sessions.begin(.open, organization, at: start + .hours(hour)).id
    }

    private static func isOpen(_ id: String, in sessions: Sessions, hour: Int64) -> Bool {
        sessions.resume(id, at: start + .hours(hour)) != nil
    }

    @Test("A session lasts for twelve hours, from each use anew")
    func lifetime() {
        let sessions = Sessions(max: 10)
        let id = Self.begin(sessions, hour: 0)
        for (hour, isOpen) in [(11, true), (22, true), (34, false), (33, false)] as [(Int64, Bool)] {
            #expect(Self.isOpen(id, in: sessions, hour: hour) == isOpen, "\(hour)")
        }
    }

    @Test("Where there is no room for another, that which ends first is ended")
    func room() {
        let sessions = Sessions(max: 3)
        let ids = [2, 0, 1, 3].map { Self.begin(sessions, hour: $0) }
        #expect(ids.map { Self.isOpen($0, in: sessions, hour: 4) } == [true, false, true, true])
    }

    @Test("Those that have ended make room before any other")
    func ended() {
        let sessions = Sessions(max: 3)
        let ids = [0, 1, 10, 13].map { Self.begin(sessions, hour: $0) }
        #expect(ids.map { Self.isOpen($0, in: sessions, hour: 14) } == [false, false, true, true])
    }
}
