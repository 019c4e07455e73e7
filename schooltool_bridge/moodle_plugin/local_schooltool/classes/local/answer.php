<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_schooltool\local;

/**
 * What a server's answer means for the events of a call. Pure.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class answer {
    /** Each event has a result. */
    const ANSWERED = 'answered';
    /** All of it later. */
    const WAIT = 'wait';
    /** It does not like the call as a whole: each half alone. */
    const SPLIT = 'split';

    /** Switched off: the whole server for us, or this kind of event. */
    const SWITCHED_OFF = 8403;
    /** Try again later. */
    const LATER = 8503;
    /** @var int[] faults of the protocol that are about what a call says, not about keys, rights or clocks */
    const ABOUT_THE_CALL = [0, 15, 17];
    /** Faults below this are the protocol's. */
    const FIRST_OWN = 8000;

    /** @var string ANSWERED, WAIT or SPLIT */
    public $meaning;
    /** @var array[] for ANSWERED: for each event its fault's code (null when it was taken, or LATER) and the reason */
    public $results;
    /** @var string why, for WAIT */
    public $error;

    /**
     * Keep these.
     *
     * @param string $meaning
     * @param array[] $results
     * @param string $error
     */
    private function __construct(string $meaning, array $results = [], string $error = '') {
        $this->meaning = $meaning;
        $this->results = $results;
        $this->error = $error;
    }

    /**
     * Read what came back of a call.
     *
     * @param bool $isgood whether Moodle's client found nothing wrong
     * @param mixed $response what it decoded
     * @param string[] $errors what it says of errors
     * @param int $count how many events were sent
     * @param bool $ismany whether by push_events
     * @return self
     */
    public static function of(bool $isgood, $response, array $errors, int $count, bool $ismany): self {
        if (!$isgood) {
            $fault = is_array($response) && isset($response['faultCode']) ? (int) $response['faultCode'] : null;
            $text = (string) (is_array($response) ? $response['faultString'] ?? '' : '');
            return self::fault($fault, $text !== '' ? $text : trim(implode(' ', $errors)), $count, $ismany);
        }
        $results = $ismany ? $response : [$response];
        // A struct of as many fields is no list: else all of them were refused for good.
        if (!is_array($results) || array_keys($results) !== range(0, $count - 1)) {
            return new self(self::WAIT, [], 'The answer is no list of as many results as events were sent.');
        }
        return new self(self::ANSWERED, array_map([self::class, 'result'], $results));
    }

    /**
     * What a fault of the whole call means.
     *
     * @param int|null $code null when nothing was understood
     * @param string $text
     * @param int $count
     * @param bool $ismany
     * @return self
     */
    private static function fault(?int $code, string $text, int $count, bool $ismany): self {
        $isprotocol = $code === null || ($code < self::FIRST_OWN && !in_array($code, self::ABOUT_THE_CALL, true));
        if ($isprotocol || $code === self::LATER) {
            return new self(self::WAIT, [], $code === null ? $text : "$code: $text");
        }
        if ($code === self::SWITCHED_OFF) {
            // Alone it does not tell whether the server or the kind of event is switched off; a list does.
            return new self($ismany ? self::WAIT : self::SPLIT, [], "$code: $text");
        }
        if ($ismany && $count > 1) {
            return new self(self::SPLIT, [], "$code: $text");
        }
        return new self(self::ANSWERED, [[$code, $text]]);
    }

    /**
     * What one event's result means.
     *
     * @param mixed $result
     * @return array the fault's code (null when the event was taken) and the reason
     */
    private static function result($result): array {
        $status = is_array($result) ? $result['status'] ?? '' : '';
        if (in_array($status, ['created', 'updated', 'unchanged', 'held', 'skipped'], true)) {
            return [null, (string) ($result['message'] ?? '')];
        }
        if (!is_array($result)) {
            return [0, 'The answer is no struct.'];
        }
        return [(int) ($result['fault'] ?? 0), (string) ($result['message'] ?? '')];
    }
}
