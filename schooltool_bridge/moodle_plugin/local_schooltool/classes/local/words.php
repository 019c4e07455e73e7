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
 * What Moodle's client for its network says of a failed call, in words for an admin.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class words {
    /**
     * Which string says it. Knows nothing of Moodle.
     *
     * @param string[] $errors the client's list, such as "8:CURL error: ..." or "8400 : no such section"
     * @return string[] the string's name, and what goes into it
     */
    public static function key(array $errors): array {
        $text = trim(implode('; ', array_map('trim', array_map('strval', $errors))));
        if (strpos($text, '7:User with ID') !== false) {
            return ['reply_notsubscribed', ''];
        }
        if (strpos($text, 'Invalid signature') !== false && !preg_match('/^\d{3,5}\s*:/', $text)) {
            return ['reply_signature', ''];
        }
        if (preg_match('/^(\d{3,5})\s*:\s(.*)$/s', $text, $match)) {
            $code = (int) $match[1];
            $known = [7020 => 'reply_unknownhere', 7025 => 'reply_oldkey', 707 => 'reply_notpublished', 8403 => 'reply_off',
                8503 => 'reply_later'];
            return [isset($known[$code]) ? $known[$code] : 'reply_refused', $code . ': ' . trim($match[2])];
        }
        if (preg_match('/remote server error:?\s*(.*)$/s', $text, $match)) {
            $said = trim(preg_replace('/\s+/', ' ', $match[1]));
            $isunknown = preg_match('/\b(7020|unregistered|not (?:a )?(?:known|registered)|unknown)\b/i', $said);
            // Moodle's client writes "code: 7020 message: ...", and often has no code.
            $said = preg_replace('/^code:\s*(\d+)?\s*,?\s*message:\s*/i', '', $said);
            return [$isunknown ? 'reply_unknownhere' : 'reply_plain', $said];
        }
        if (strpos($text, '3:No key match') !== false) {
            return ['reply_nokey', ''];
        }
        if (preg_match('/^6:/', $text)) {
            return ['reply_clock', $text];
        }
        if (preg_match('/CURL error|resolve|connect|timed? ?out/i', $text)) {
            return ['reply_unreachable', preg_replace('/^\d+:\s*(CURL error:?\s*)?/i', '', $text)];
        }
        if (preg_match('~^5:.*?(?:HTTP/[\d.]+ )(\d{3})~s', $text, $match)) {
            return ['reply_http', $match[1]];
        }
        return ['reply_other', $text];
    }

    /**
     * Says it.
     *
     * @param string[] $errors
     * @return string HTML, safe to be shown
     */
    public static function of(array $errors): string {
        [$key, $what] = self::key($errors);
        return get_string($key, 'local_schooltool', s($what));
    }
}
