<?php
// Runs the functions of a file whose names begin with test_, each with a Moodle of its own; prints as
// JSON what became of each: null, or what is wrong.

define('PLUGINS', dirname(__DIR__, 2) . '/schooltool_bridge/moodle_plugin');
error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
set_error_handler(function ($level, $message, $file, $line) {
    throw new ErrorException($message, 0, $level, $file, $line);
});
require __DIR__ . '/moodle.php';
require $argv[1];

$found = [];
foreach (get_defined_functions()['user'] as $name) {
    if (strpos($name, 'test_') === 0) {
        reset_moodle();
        try {
            $name();
            $found[$name] = null;
        } catch (Throwable $problem) {
            $found[$name] = get_class($problem) . ": {$problem->getMessage()}\n{$problem->getTraceAsString()}";
        }
    }
}
echo json_encode($found, JSON_INVALID_UTF8_SUBSTITUTE);
